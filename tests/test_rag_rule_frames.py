"""Frames: word classes in one sentence, in any order, near one another, with words that must be absent."""

import pytest

from rag.rule_frames import all_parts, found, parts_of, places, stands_in_line

FRAME = "礼品|茶叶 & 送|给 & 主任 & !退回"


def matched(pattern: str, text: str) -> list[str]:
    return [text[parts[0][0] : parts[-1][1]] for parts in found(pattern, text)]


@pytest.mark.parametrize("text", ["给主任送了茶叶", "茶叶送主任", "主任那里，礼品给了"])
def test_the_words_of_a_frame_stand_in_any_order(text: str) -> None:
    assert matched(FRAME, text)


@pytest.mark.parametrize("text", ["给主任打电话", "茶叶", "", "主任把送来的茶叶退回"])
def test_a_frame_needs_all_its_words_and_not_the_absent_one(text: str) -> None:
    assert matched(FRAME, text) == []


def test_one_word_does_not_stand_for_two_parts() -> None:
    assert matched("送 & 送礼|送", "送") == []
    assert matched("送 & 送礼|送", "送，再送礼")


def test_a_frame_may_span_two_sentences_of_one_line_but_neither_three_nor_two_lines() -> None:
    assert matched(FRAME, "茶叶到了。送主任。")
    assert matched(FRAME, "茶叶到了。明天。送主任。") == []
    assert matched(FRAME, "茶叶到了\n送主任") == []


def test_words_far_apart_are_no_frame() -> None:
    assert matched(FRAME, "茶叶" + "，很好" * 40 + "，送主任") == []


def test_the_nearest_words_are_quoted_once_a_sentence() -> None:
    assert matched("茶叶 & 主任", "主任说，茶叶，主任。茶叶给主任。") == ["茶叶，主任", "茶叶给主任"]


def test_an_english_stop_after_a_title_ends_no_sentence() -> None:
    assert matched(r"\bdr\b & \bgift\b", "the gift went to dr. smith")


def test_a_plain_expression_is_a_frame_of_one_part() -> None:
    assert matched("礼品|茶叶", "茶叶和礼品") == ["礼品", "茶叶"]
    assert places("礼品|茶叶", "茶叶和礼品") == ((3, 5), (0, 2))


def test_parts_are_named_with_and_without_the_absent_ones() -> None:
    assert parts_of(FRAME) == ("礼品|茶叶", "送|给", "主任")
    assert all_parts(FRAME) == ["礼品|茶叶", "送|给", "主任", "退回"]


def test_an_exception_of_the_line_looks_around_the_place_within_its_line() -> None:
    text = "违反规定\n有人送礼品；我们拒绝了"
    place = text.index("礼品")
    assert stands_in_line("拒绝", text, place)
    assert not stands_in_line("违反", text, place)
    assert not stands_in_line("拒绝 & !有人", text, place)
