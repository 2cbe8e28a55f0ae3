"""Strings of the question box, Chinese and English side by side."""

ASKING: dict[str, tuple[str, str]] = {
    "ask": ("提问", "Ask"),
    "ask_about": ("问一问：答案只用资料中的事实和原文", "Ask: the answer is facts and quotations only"),
    "ask_anything": (
        "问一问：客户、产品或公司文件，答案只用资料中的事实和原文",
        "Ask about a customer, a product or the documents: the answer is facts and quotations only",
    ),
    "ask_example": ("例如：明年预算什么时候申报？", "such as: when is next year's budget applied for?"),
    "ask_example_any": ("例如：哪些医院买过CY-90？", "such as: which hospitals bought the CY-90?"),
    "ask_go": ("提问", "Ask"),
    "ask_context": ("上下文", "Around it"),
    "ask_quoted": ("文件原文", "From the documents"),
    "ask_related": ("可能相关的原文 {n} 段", "{n} passages that may be related"),
    "ask_nothing": (
        "资料中没有找到可以回答的内容。换一种说法，或写明客户、产品的名称再试。",
        "Nothing was found that answers this. Say it differently, or name the customer or product.",
    ),
    "ask_unclear": ("“{text}”可能指：{names}，请写明全称", "'{text}' may be any of {names}; give the whole name"),
    "ask_pending": (
        "还有 {n} 段文件正在建立语义索引，暂时只能按字词找到。",
        "{n} passages are still being indexed by meaning; for now they are found by words only.",
    ),
}
