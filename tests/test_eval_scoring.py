"""The figures of a written section: each kind of fault moves its own figure and no other."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.scoring import (
    Asked,
    Phrasing,
    Tally,
    Wording,
    figures,
    mean_loss,
    score_answer,
    sentences,
    speaks,
    wilson,
)

PHRASING = Phrasing(
    [
        Wording("opening", "greet", "您好，请问是{customer}{decider_title}{decider}吗？"),
        Wording("opening", "ai", "先向您说明一下，{must_ai}。"),
        Wording("product", "certificate", "该产品的注册证编号是{certificate}，有效期至{certificate_until}。"),
        Wording("product", "warranty", "整机质保期为{warranty}，从验收合格之日起算。"),
        Wording("closing", "thanks", "谢谢您的时间，想用10分钟当面向您介绍。"),
    ]
)
OPENING = Asked("opening", frozenset({"customer", "decider", "decider_title", "must_ai"}))
PRODUCT = Asked("product", frozenset({"certificate", "certificate_until", "warranty"}))
WHOLE_OPENING = "您好，请问是{customer}{decider_title}{decider}吗？先向您说明一下，{must_ai}。"


def test_a_section_that_says_all_it_should_is_faultless() -> None:
    tally = score_answer(WHOLE_OPENING, OPENING, PHRASING, stopped=True)
    assert tally == Tally(3, 3, 4, 0, 1, 1, 1, 1, 1, 0)


def test_a_missing_value_and_a_missing_phrase_are_counted_apart() -> None:
    tally = score_answer("您好，请问是{customer}{decider}吗？", OPENING, PHRASING, stopped=True)
    assert (tally.copied, tally.expected, tally.must_said, tally.must, tally.unsupported) == (2, 3, 0, 1, 0)


def test_a_certificate_in_the_place_of_the_warranty_is_unsupported() -> None:
    tally = score_answer("整机质保期为{certificate}，从验收合格之日起算。", PRODUCT, PHRASING, stopped=True)
    assert (tally.said, tally.unsupported, tally.copied) == (1, 1, 1)


def test_a_placeholder_that_was_not_expected_is_unsupported() -> None:
    tally = score_answer("整机质保期为{scope}，从验收合格之日起算。", PRODUCT, PHRASING, stopped=True)
    assert tally.unsupported == 1


@pytest.mark.parametrize("invented", ["20193292641", "36个月", "2024年3月", "98%"])
def test_a_value_written_as_plain_text_is_unsupported(invented: str) -> None:
    tally = score_answer(f"整机质保期为{invented}，从验收合格之日起算。", PRODUCT, PHRASING, stopped=True)
    assert tally.unsupported == 1


def test_a_number_that_an_approved_wording_holds_is_allowed_in_its_section_only() -> None:
    text = "谢谢您的时间，想用10分钟当面向您介绍。"
    assert score_answer(text, Asked("closing", frozenset()), PHRASING, stopped=True).unsupported == 0
    assert score_answer(text, PRODUCT, PHRASING, stopped=True).unsupported == 1


def test_an_opening_in_the_place_of_a_product_section_is_of_the_wrong_type() -> None:
    assert score_answer(WHOLE_OPENING, PRODUCT, PHRASING, stopped=True).wrong_type == 1
    assert score_answer("", PRODUCT, PHRASING, stopped=True).wrong_type == 1


def test_the_answer_of_a_question_may_hold_only_its_own_values() -> None:
    asked = Asked(None, frozenset({"period1"}))
    assert score_answer("{period1}", asked, PHRASING, stopped=True).unsupported == 0
    assert score_answer("{number1}", asked, PHRASING, stopped=True) == Tally(1, 0, 1, 1, 0, 0, 1, 1, 0, 0)


def test_figures_are_shares_with_intervals() -> None:
    good = score_answer(WHOLE_OPENING, OPENING, PHRASING, stopped=True)
    bad = score_answer("", OPENING, PHRASING, stopped=False)
    found = figures([good, bad], heldout_loss=1.5)
    assert (found.value_copy, found.must_say, found.stop_rate, found.wrong_type) == (0.5, 0.5, 0.5, 0.5)
    assert found.intervals["stop_rate"] == pytest.approx((0.0945, 0.9055), abs=1e-3)
    assert found.answers == 2


def test_nothing_said_is_not_counted_as_an_invention() -> None:
    assert figures([], heldout_loss=1.0).unsupported_values == 0.0


@given(st.integers(0, 500), st.integers(1, 500))
def test_an_interval_holds_its_share(part: int, whole: int) -> None:
    part = min(part, whole)
    low, high = wilson(part, whole)
    assert 0 <= low <= part / whole + 1e-9
    assert part / whole - 1e-9 <= high <= 1


def test_sentences_are_cut_at_stops_and_lines_but_not_inside_numbers() -> None:
    assert sentences("您好！有效期3.5年。谢谢") == ["您好！", "有效期3.5年。", "谢谢"]
    assert sentences("It is 3.5 m. Thank you.\nBye") == ["It is 3.5 m.", "Thank you.", "Bye"]


def test_the_loss_is_the_mean_over_tokens() -> None:
    assert mean_loss([[-1.0, -3.0], [-2.0]]) == 2.0


@pytest.mark.parametrize(
    "text",
    [
        "您好，我是{company}的{rep}。",
        "这款 CY-90 的注册证我稍后发给您。",
        "XP-cTnI 试剂盒，2 至 8 ℃ 保存。",
        "TM-12、YD-300 和 CY-60 都在供。",
        "产品英文名是 Infusion Pump，属于容量输液泵。",
    ],
)
def test_chinese_with_codes_and_names_of_products_is_chinese(text: str) -> None:
    assert speaks(text, "zh")
    assert not speaks(text, "en")


@pytest.mark.parametrize(
    "text",
    [
        "Hello, this is {rep} of {company}.",
        "The CY-90 comes with a follow-up visit.",
        "{product} is made by 澄言 and sold under TM-12.",
    ],
)
def test_english_with_codes_and_a_chinese_name_is_english(text: str) -> None:
    assert speaks(text, "en")
    assert not speaks(text, "zh")


def test_one_sentence_in_the_other_language_is_enough_to_fail() -> None:
    assert not speaks("您好，我是{rep}。Thank you for your time.", "zh")
    assert not speaks("您好，我是{rep}。Thank you for your time.", "en")


@pytest.mark.parametrize("text", ["", "{certificate1}", "CY-90 / TM-12", "12.5%", "???"])
def test_what_no_language_can_be_told_of_fits_both(text: str) -> None:
    assert speaks(text, "zh")
    assert speaks(text, "en")


@given(st.text())
def test_no_text_is_of_neither_language_unless_it_mixes_both(text: str) -> None:
    if len(sentences(text)) <= 1:
        assert speaks(text, "zh") or speaks(text, "en")


def test_rules_personal_data_and_language_are_shares_of_the_answers_looked_at() -> None:
    clean = score_answer(WHOLE_OPENING, OPENING, PHRASING, stopped=True, flagged=False, personal=False, language="zh")
    bad = score_answer("Hello there", OPENING, PHRASING, stopped=True, flagged=True, personal=True, language="zh")
    found = figures([clean, bad], heldout_loss=1.0, tokens_per_s=20.0)
    assert (found.compliance_hits, found.personal_data, found.language, found.tokens_per_s) == (0.5, 0.5, 0.5, 20.0)
    assert found.intervals["language"] == pytest.approx((0.0945, 0.9055), abs=1e-3)


def test_what_nobody_looked_for_is_no_figure() -> None:
    found = figures([score_answer(WHOLE_OPENING, OPENING, PHRASING, stopped=True)], heldout_loss=1.0)
    assert math.isnan(found.compliance_hits)
    assert math.isnan(found.personal_data)
    assert math.isnan(found.language)
    assert "language" not in found.intervals


def test_the_second_record_may_be_told_in_the_words_of_the_third_but_never_mixed_with_it() -> None:
    wordings = [
        Wording("background", "second", "贵院还采购过{buy2_category}{buy2_quantity}。"),
        Wording("background", "third", "此外还有近几年采购的{buy3_category}{buy3_quantity}，上次是在{buy3_year}。"),
    ]
    slots = ("category", "quantity", "year")
    expected = frozenset(f"buy{number}_{slot}" for number in (2, 3) for slot in slots)
    asked, phrasing = Asked("background", expected), Phrasing(wordings)

    def unsupported(text: str) -> int:
        return score_answer(text, asked, phrasing, stopped=True).unsupported

    assert unsupported("此外还有近几年采购的{buy2_category}{buy2_quantity}，上次是在{buy2_year}。") == 0
    assert unsupported("此外还有近几年采购的{buy2_category}{buy3_quantity}，上次是在{buy3_year}。") == 1
