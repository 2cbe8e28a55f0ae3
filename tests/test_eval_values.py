"""Values in sentences: every way of writing one is the same canonical form."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.values import canonical_values, find_values


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("2024年采购了2台彩色超声", ["2024", "2"]),
        ("2024年", ["2024"]),
        ("有效期至2029年5月17日", ["2029-05-17"]),
        ("valid until 17 May 2029", ["2029-05-17"]),
        ("自2026年3月起", ["2026-03"]),
        ("since March 2026", ["2026-03"]),
        ("预算窗口为10月至11月", ["10/11"]),
        ("October to November", ["10/11"]),
        ("合同额1,860,000元", ["1860000"]),
        ("合同额186万元", ["1860000"]),
        ("RMB 1.86 million", ["1860000"]),
        ("整机质保36个月", ["36m"]),
        ("三年质保", ["36m"]),
        ("a 3-year warranty", ["36m"]),
        ("注册证编号国械注准20213060123", ["国械注准20213060123"]),
        ("两台HX-BA800", ["2", "HX-BA800"]),
        ("有效率９５％", ["95%"]),
        ("百分之九十五", ["95%"]),
        ("[[p_0123456789abcdef.name]]主任", ["p_0123456789abcdef"]),
        ("叁拾肆万伍仟陆佰元整", ["345600"]),
        ("三十四万五千六百元", ["345600"]),
        ("34万5600元", ["345600"]),
        ("两年零三个月", ["27m"]),
        ("一年半", ["18m"]),
        ("two years and three months", ["27m"]),
        ("2026年第三季度", ["2026-Q3"]),
        ("Q3 2026", ["2026-Q3"]),
        ("上半年", ["H1"]),
        ("the second half of 2026", ["2026-H2"]),
        ("二〇二四年三月十二日", ["2024-03-12"]),
        ("预算10-11月", ["10/11"]),
    ],
)
def test_ways_of_writing_share_one_form(text: str, forms: list[str]) -> None:
    assert [value.canonical for value in find_values(text)] == forms


@pytest.mark.parametrize("text", ["打开一下，说一件事", "您一定方便", "我们一起看一份资料", "第一次联系您"])
def test_figures_of_speech_are_not_values(text: str) -> None:
    assert find_values(text) == []


def test_a_date_proves_its_month_and_its_year_but_not_the_reverse() -> None:
    assert {"2024-03", "2024"} <= canonical_values("2024-03-12")
    assert "2024-03-12" not in canonical_values("2024年3月")


@given(st.text(max_size=200))
def test_any_text_is_searched_without_overlaps_and_with_true_offsets(text: str) -> None:
    found = find_values(text)
    assert all(text[value.start : value.end] == value.text for value in found)
    assert all(left.end <= right.start for left, right in pairwise(found))
