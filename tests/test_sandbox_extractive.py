"""Questions from every form of passage; each answer is a span that leads back to document, page and characters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.vault import TOKEN
from rag.blocks import Block
from rag.passages import passages_of
from sandbox.dialogue import answers, introduced, role, turns
from sandbox.extractive import (
    LONGEST_ANSWER,
    LONGEST_PASSAGE,
    MOST_OF_A_DOCUMENT,
    MOST_OF_A_PASSAGE,
    Text,
    all_pairs,
    extract_pairs,
)
from sandbox.samples import Sample

REP, CUSTOMER = "[[p_00000000000000aa.name]]", "[[p_00000000000000bb.name]]"


def text(words: str, heading: str = "", document: str = "d1", number: int = 0) -> Text:
    return Text(document, "p1", heading, words, f"s{number}", 3, "手册.pdf")


def asked(words: str, heading: str = "") -> dict[str, str]:
    """Question → answer."""
    return {one.prompt.rsplit("\n", 1)[1].removeprefix("问题："): one.answer for one in all_pairs(text(words, heading))}


def test_a_row_is_asked_by_its_first_cell_and_by_its_labels() -> None:
    found = asked("型号：JX-200\n品类：内镜清洗消毒设备\n产地：上海\n交货期：30天")
    assert found["“型号”为“{code1}”的那一行，“品类”是什么？"] == "内镜清洗消毒设备"
    assert found["“产地”是什么？"] == "上海"
    assert found["“型号”为“{code1}”的那一行，“交货期”是什么？"] == "{period1}"


def test_a_clause_is_asked_as_a_whole_and_for_its_beginning() -> None:
    body = "投诉由质量部受理，当日答复处理方案。疑似不良事件应立即报告质量部，不得由销售人员自行判断。"
    found = asked(f"五、投诉\n{body}", "售后服务政策 › 五、投诉")
    assert found["关于“投诉”，资料里怎么说？"] == body
    assert found["关于“投诉”，资料首先说了什么？"] == "投诉由质量部受理，当日答复处理方案。"
    assert found["这段资料的标题是什么？"] == "五、投诉"


def test_a_heading_that_asks_is_the_question() -> None:
    assert (
        asked("可以送礼品吗？\n不可以，任何礼品都不送。", "可以送礼品吗？")["可以送礼品吗？"]
        == "不可以，任何礼品都不送。"
    )


def test_a_list_is_asked_as_a_whole_and_point_by_point_without_its_marks() -> None:
    found = asked("禁止事项\n- 禁止合同外返利\n- 禁止承担旅游费用\n- 禁止预付款项", "禁止事项")
    assert found["“禁止事项”下面列了哪几点？"] == "- 禁止合同外返利\n- 禁止承担旅游费用\n- 禁止预付款项"
    assert found["“禁止事项”下面的第二点是什么？"] == "禁止承担旅游费用"


def test_a_long_clause_is_cut_at_sentences_so_that_its_beginning_can_be_asked() -> None:
    body = "交货前应当核对序列号。" + "其余事项按合同附件的约定执行，由双方代表签字确认。" * 9
    found = asked(f"交货\n{body}", "交货")
    assert found["关于“交货”，资料首先说了什么？"] == "交货前应当核对序列号。"


@pytest.mark.parametrize(
    ("customer", "rep"),
    [("客户", "销售"), ("甲方", "我方"), ("Customer", "Rep"), ("李女士（客户）", "客服人员"), ("客户A", "坐席1")],
)
def test_our_answer_to_a_customers_question_is_asked_in_the_customers_words(customer: str, rep: str) -> None:
    talk = (
        f"{customer}：质保期从哪天算？\n{rep}：从验收合格那天算。\n{rep}：您看什么时候方便？\n{customer}：下周二可以。"
    )
    assert asked(talk) == {"质保期从哪天算？": "从验收合格那天算。"}


def test_among_pseudonyms_whoever_is_introduced_as_ours_is_not_the_customer() -> None:
    talk = f"{REP}：使用上顺利吗？\n{CUSTOMER}：报警有点多。质保期怎么算？\n{REP}：从验收合格那天算。"
    head = text(f"通话人：销售代表{REP}，设备科主任{CUSTOMER}")
    (pair,) = [one for one in extract_pairs([head, text(talk, number=1)]) if one.source == "s1"]
    assert pair.answer == "从验收合格那天算。"
    assert "人员2：使用上顺利吗？" in pair.prompt or "人员1：使用上顺利吗？" in pair.prompt
    assert not TOKEN.search(pair.prompt)
    nobody_known = [one.answer for one in all_pairs(text(talk))]
    assert "从验收合格那天算。" in nobody_known


def test_a_table_or_a_form_is_no_conversation() -> None:
    assert turns(["折扣：95%", "批准人：代表", "折扣：92%", "批准人：经理"]) == []
    assert turns(["型号：JX-200", "单位：台"]) == []
    assert turns([]) == []
    assert role("销售（华东）") == ""
    assert role("张工（工程师）") == "ours"
    assert introduced([f"客户经理 {REP}与{CUSTOMER}"]) == {REP}


def test_a_question_nobody_else_answers_has_no_answer() -> None:
    spoken = turns(["客户：质保多久？", "客户：还在吗？", "销售：在的。", "旁白：停顿。", "客户：多少钱？"])
    assert [(one.words, other.words) for one, other in answers(spoken)] == [("还在吗？", "在的。")]


def test_people_and_their_telephones_have_one_number_throughout_a_sample() -> None:
    found = asked(f"联系人：{REP}\n电话：{REP.replace('name', 'phone')}\n备用联系人：{CUSTOMER}")
    assert list(found.values()) == ["人员1", "电话1", "人员2"]
    (english, *_) = all_pairs(text("Contact: [[p_00000000000000aa.name]]\nWarranty: 36 months\nScope: adults"))
    assert "Person 1" in english.prompt


PIECES = [
    *(
        "整机质保期：36个月",
        "型号：CY-90",
        "交货期：30天",
        "一、总则",
        "- 第一点，先看资料",
        "客户：多久？",
        "销售：三年。",
    ),
    *("问：行吗？", "答：行。", f"联系{REP}，电话{REP}。", "Warranty: 36 months", "2024年", "3月起执行", "  ", ""),
    "普通的一句话。" * 30,
]
LINES = st.lists(st.sampled_from(PIECES), max_size=9).map("\n".join)


@settings(max_examples=120, deadline=None)
@given(LINES, st.sampled_from(["", "一、总则", "手册 › 一、总则", "行吗？"]))
def test_every_answer_is_a_span_of_its_excerpt_and_of_its_passage(words: str, heading: str) -> None:
    for pair in all_pairs(text(words, heading)):
        assert pair.span is not None
        assert pair.place is not None
        excerpt = pair.prompt.rsplit("\n", 1)[0].removeprefix("资料：").removeprefix("Passage: ")
        scale = 1 if pair.language == "zh" else 3
        assert excerpt[slice(*pair.span)] == pair.answer
        assert len(excerpt) <= LONGEST_PASSAGE * scale
        assert 1 < len(pair.answer) <= LONGEST_ANSWER * scale
        stated = words[slice(*pair.place)]
        assert stated == stated.strip() != ""
        assert (pair.document, pair.page, pair.source, pair.passports) == ("d1", 3, "s0", ("p1",))
        assert not TOKEN.search(pair.prompt + pair.answer)


def lines_of(number: int) -> Text:
    return text(f"第{number}项名称：值{number}\n第{number}项备注：记{number}", document="huge", number=number)


def test_a_huge_document_does_not_crowd_out_the_others() -> None:
    passages = [lines_of(number) for number in range(2_000)]
    small = text("整机质保期：36个月\n型号：CY-90", document="small", number=9_999)
    pairs = extract_pairs([*passages, small])
    counts = {name: [pair for pair in pairs if pair.document == name] for name in ("huge", "small")}
    assert len(counts["huge"]) == MOST_OF_A_DOCUMENT
    assert len({pair.source for pair in counts["huge"]}) == MOST_OF_A_DOCUMENT  # one of each passage comes first
    assert len(counts["small"]) == 2
    alone: list[Sample] = extract_pairs([small])
    assert alone == counts["small"]


def test_a_passage_gives_no_more_than_its_share_and_an_empty_one_nothing() -> None:
    many = "\n".join(f"第{'甲乙丙丁戊己庚辛'[n]}项：内容{'甲乙丙丁戊己庚辛'[n]}" for n in range(8))
    assert len(extract_pairs([text(many)])) == MOST_OF_A_PASSAGE
    assert extract_pairs([]) == []
    assert extract_pairs([text(""), text("   \n  ")]) == []


def test_a_transcript_as_it_is_read_gives_the_same_speakers() -> None:
    talk = ["客户：输液泵多久校准一次？", "销售：每十二个月一次，工程师上门。", "客户：好的。"]
    (passage,) = passages_of([Block("text", line) for line in talk])
    assert [pair.answer for pair in all_pairs(text(passage.text))] == ["每{period1}一次，工程师上门。"]
