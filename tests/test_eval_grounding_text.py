"""V2: a sentence against its cited texts alone, with guards for denials, plans, comparisons, needs and pairs."""

import inspect
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval import grounding_facts, grounding_text
from eval.grounding_facts import judge_facts
from eval.grounding_text import judge_text
from tests.test_layers import imported

TEXTS = [
    "2024年3月12日，江澜市第二人民医院采购U8彩超12台，合同金额人民币345,600元。2024年5月20日安装完毕，质保36个月。",
    "采购记录\n订单日期：2023-06-02\n品名：监护仪\n数量：3\n单位：台\n合同额（万元）：52",
    "设备科主任周敏2025年2月1日到任。医院拟采购呼吸机两台。耗材不包含在质保里。",
    "2026-10-08 通话\n客户：超声科排队太长，机器坏了病人要等一上午。\n销售：您也担心维修费吧？",
]


@pytest.mark.parametrize(
    "sentence",
    [
        "贵院2024年3月采购了12台彩超，合同额约34.6万元。",
        "2023年6月采购的3台监护仪，金额52万元。",
        "设备科主任周敏2025年2月到任。",
        "您上次说超声科排队太长，机器坏了病人要等一上午。",
        "耗材不包含在质保里。",
        "In March 2024 the hospital bought 12 units for RMB 345,600.",
    ],
)
def test_what_the_texts_state_is_supported(sentence: str) -> None:
    judged = judge_text(sentence, TEXTS)
    assert judged.outcome == "supported", judged.claims


@pytest.mark.parametrize(
    "sentence",
    [
        "贵院2024年3月采购了15台彩超。",
        "2024年3月的采购金额是52万元。",  # of another purchase
        "2024年3月12日安装了12台彩超。",
        "质保36年。",
        "设备科主任周敏华2025年2月到任。",
        "枫屿市第一人民医院采购了12台。",
        "医院采购了两台呼吸机。",  # only planned
        "耗材包含在质保里。",
        "江澜市第二人民医院没有采购过U8彩超。",
        "U8彩超比其他品牌更清晰。",
        "贵院必须更换U8彩超。",
        "您非常担心维修费。",  # the rep said it, not the customer
        "贵院急需增加两台超声。",
        "贵院计划更换全部监护仪。",
        "贵院正在扩建新的住院大楼。",
        "Your hospital bought 15 units in March 2024.",
    ],
)
def test_what_they_do_not_state_is_flagged(sentence: str) -> None:
    judged = judge_text(sentence, TEXTS)
    assert judged.flagged, judged.claims


@pytest.mark.parametrize("sentence", ["您好，方便聊两分钟吗？", "感谢您的时间。", "如果您需要资料，我随时发给您。", ""])
def test_talk_without_a_claim_is_none(sentence: str) -> None:
    assert judge_text(sentence, TEXTS).outcome == "no_claim"
    assert judge_text(sentence, []).outcome == "no_claim"


def test_without_a_cited_text_every_claim_is_absent() -> None:
    assert judge_text("贵院2024年采购了2台。", []).outcome == "absent"
    assert judge_text("贵院一直为排队头疼。", ["", " "]).outcome == "absent"


def test_a_need_wants_a_source_in_the_customers_own_words() -> None:
    need = "您上次说超声科排队太长，病人要等一上午，护士很着急。"
    said = "客户：超声科排队太长，病人要等一上午，护士都很着急。"
    assert judge_text(need, [said]).outcome == "supported"
    assert judge_text(need, [said], voiced=False).flagged
    assert judge_text(need, [said.replace("客户", "销售")]).flagged


def test_a_third_checker_may_refuse_what_both_accept() -> None:
    asked: list[tuple[str, str]] = []

    def shares_words(pairs: Sequence[tuple[str, str]]) -> list[float]:
        asked.extend(pairs)
        return [float("彩超" in sentence and "彩超" in text) for text, sentence in pairs]

    assert judge_text("采购了12台彩超。", TEXTS, third=shares_words).outcome == "supported"
    assert judge_text("采购了12台设备。", TEXTS, third=shares_words).outcome == "absent"
    assert len(asked) == 2 * len(TEXTS)
    assert judge_text("采购了15台彩超。", TEXTS, third=shares_words).outcome == "contradicted"
    assert len(asked) == 2 * len(TEXTS)  # not asked about what is refused already


def test_the_two_verifiers_share_no_evidence() -> None:
    first, second = (inspect.signature(judge).parameters for judge in (judge_facts, judge_text))
    assert not {"texts", "sources", "third"} & first.keys()
    assert not {"facts", "statements"} & second.keys()
    of_facts, of_text = (
        ("grounding_facts", "grounding_fact_names", "grounding_fact_words", "grounding_statements"),
        ("grounding_text", "grounding_cited"),
    )
    for module, others in [*((m, of_text) for m in of_facts), *((m, of_facts) for m in of_text)]:
        source = (Path("eval") / f"{module}.py").read_text(encoding="utf-8")
        assert not [other for other in others if f"eval.{other} " in source or f"import {other}" in source]
        assert set(imported(Path("eval") / f"{module}.py")) & {"rag", "assistant", "governance", "sandbox"} == set()
    assert not {"judge_text"} & vars(grounding_facts).keys()
    assert not {"Statement", "judge_facts"} & vars(grounding_text).keys()


@given(st.text(max_size=120), st.lists(st.text(max_size=200), max_size=3))
@settings(deadline=None)
def test_any_sentence_and_any_text_are_read(sentence: str, texts: list[str]) -> None:
    judged = judge_text(sentence, texts)
    assert 0.0 <= judged.contained <= 1.0


SLIP = "访问记录：设备科周敏主任说，呼吸机用着正常，没提更换；也许下半年考虑要10台除颤仪，先别报价。"


@pytest.mark.parametrize(
    "sentence",
    ["周主任提出要更换呼吸机。", "周主任让我们报价。", "下半年一定要10台除颤仪。", "这台呼吸机是同类里最好的。"],
)
def test_what_a_text_denies_or_holds_possible_is_not_told_as_so(sentence: str) -> None:
    judged = judge_text(sentence, [SLIP])
    assert judged.flagged, judged.claims


@pytest.mark.parametrize("sentence", ["周主任没提更换呼吸机。", "下半年可能考虑要10台除颤仪。", "呼吸机用着正常。"])
def test_what_it_says_in_other_words_passes(sentence: str) -> None:
    judged = judge_text(sentence, [SLIP])
    assert not judged.flagged, judged.claims


def test_polite_questions_leave_the_statement_before_them_judged() -> None:
    sentence = "Our price is the best of all suppliers. Do let us know if you have any questions."
    assert judge_text(sentence, ["We quoted RMB 506,500 for 22 ECG recorders."]).flagged
