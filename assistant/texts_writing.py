"""Strings of writing: sections as they arrive, edits, rewriting, why a sentence is there, open questions."""

WRITING: dict[str, tuple[str, str]] = {
    "arriving": (
        "先显示方案措辞，模型写好一节换一节；全部写完并通过合规检查后才保存。",
        "The plan's own wording comes first; each section is replaced as the model finishes it. Nothing is stored "
        "before all of it is written and checked.",
    ),
    "arrived": ("已写好", "written"),
    "arriving_plan": ("方案措辞", "plan's wording"),
    "untrained_stage": (
        "这个阶段尚未训练：以下全部为公司标准话术，未经模型撰写。",
        "No model is trained for this stage: everything below is the plan's own wording.",
    ),
}
