"""The measures of privacy against figures worked out by hand, bad data named by line, and the shipped set itself."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.jsonl import BadData
from eval.pii import CHECKSUM, TYPES, Case, Mark, Tally, figures, read_cases, tally
from governance.china_ids import is_bank_card, is_resident_id, is_uscc
from governance.identifiers import half_width

SHIPPED = Path(__file__).resolve().parent.parent / "data_samples" / "golden" / "pii"
TEXT = "张三 的电话 19900001234"
GOLD = (Mark(0, 2, "PERSON"), Mark(7, 18, "PHONE"))


def scored(*answers: Mark, text: str = TEXT, gold: tuple[Mark, ...] = GOLD) -> Tally:
    counted = Tally()
    counted.add(Case(text, "zh", gold), answers)
    return counted


def test_a_span_is_found_when_its_type_covers_all_of_it() -> None:
    counted = scored(Mark(0, 3, "PERSON"), Mark(7, 17, "PHONE"))
    assert (counted.recall(("PERSON",)), counted.recall(("PHONE",)), counted.recall()) == (1, 0, 0.5)
    assert counted.precision() == 1  # both lie in what they name, one incompletely
    assert counted.leak_rate() == 0.5
    assert counted.by_type()["PERSON"] == {"precision": 1, "recall": 1, "exact": 0, "spans": 1}


def test_the_wrong_type_is_no_find_and_leaves_nothing() -> None:
    counted = scored(Mark(0, 2, "ADDRESS"), Mark(7, 18, "LANDLINE"))
    assert counted.recall(("PERSON",)) == 0
    assert counted.recall(("PHONE",)) == 1  # telephone numbers are one kind
    assert counted.leak_rate() == 0
    assert counted.precision(("ADDRESS",)) == 0


def test_two_answers_cover_together_and_an_unknown_type_counts_against_nobody() -> None:
    counted = scored(Mark(7, 12, "PHONE"), Mark(12, 18, "PHONE"), Mark(3, 6, "DATE_TIME"))
    assert counted.recall(("PHONE",)) == 1
    assert counted.precision() == 1


def test_nothing_given_has_no_precision_and_nothing_there_no_recall() -> None:
    assert scored(text="无", gold=()).recall() is None
    assert figures(scored(text="无", gold=())) == dict.fromkeys(
        ("micro_precision", "micro_recall", "checksum_recall", "leak_rate")
    )


@given(st.lists(st.tuples(st.integers(0, 17), st.integers(1, 6), st.sampled_from(TYPES)), max_size=6))
def test_every_figure_lies_between_nothing_and_everything(answers: list[tuple[int, int, str]]) -> None:
    counted = scored(*(Mark(start, min(18, start + length), kind) for start, length, kind in answers))
    for figure in (counted.recall(), counted.precision(), counted.leak_rate()):
        assert figure is None or 0 <= figure <= 1
    assert counted.found.total() + counted.left >= 0
    assert counted.found.total() <= counted.gold.total() - 0


def test_one_split_is_counted_alone() -> None:
    cases = [Case(TEXT, "zh", GOLD, (), "heldout"), Case(TEXT, "zh", GOLD, (), "tuning")]
    assert tally(cases, [[], list(GOLD)], "heldout").recall() == 0
    assert tally(cases, [[], list(GOLD)]).recall() == 0.5


GOOD = {"text": TEXT, "lang": "zh", "spans": [{"start": 0, "end": 2, "type": "PERSON"}]}


def write(folder: Path, *rows: object) -> Path:
    (folder / "cases.jsonl").write_text(
        "\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8"
    )
    return folder


def test_contacts_are_names_or_objects_with_one(tmp_path: Path) -> None:
    contacts = ["张三", {"name": "李四", "name_en": "Li Si", "phone": "19900001234"}]
    (case,) = read_cases(write(tmp_path, GOOD | {"crm_contacts": contacts, "note": "left alone"}))
    assert case.contacts == ("张三", "李四", "Li Si")
    assert case.marks == (Mark(0, 2, "PERSON"),)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"text": " "}, "text is empty"),
        ({"lang": "fr"}, "zh or en"),
        ({"split": "test"}, "heldout or tuning"),
        ({"spans": [{"start": 0, "end": 99, "type": "PERSON"}]}, "outside the text"),
        ({"spans": [{"start": 2, "end": 2, "type": "PERSON"}]}, "is empty"),
        ({"spans": [{"start": 2, "end": 3, "type": "PERSON"}]}, "is empty"),
        ({"spans": [{"start": -1, "end": 2, "type": "PERSON"}]}, "outside the text"),
        ({"spans": [{"start": "0", "end": 2, "type": "PERSON"}]}, "whole numbers"),
        ({"spans": [{"start": True, "end": 2, "type": "PERSON"}]}, "whole numbers"),
        ({"spans": ["PERSON"]}, "whole numbers"),
        ({"spans": [{"start": 0, "end": 2, "type": "NAME"}]}, "unknown type NAME"),
        ({"spans": [{"start": 0, "end": 2, "type": []}]}, "unknown type"),
        (
            {"spans": [{"start": 0, "end": 2, "type": "PERSON"}, {"start": 1, "end": 5, "type": "QQ"}]},
            "overlap: 0–2 and 1–5",
        ),
        ({"crm_contacts": "张三"}, "list of names"),
        ({"crm_contacts": [{"phone": "1"}]}, "list of names"),
        ({"crm_contacts": [{"name": "a", "name_en": 1}]}, "list of names"),
    ],
)
def test_bad_data_is_named_with_its_line(tmp_path: Path, changed: dict[str, object], says: str) -> None:
    with pytest.raises(BadData, match=re.escape(says)) as raised:
        read_cases(write(tmp_path, GOOD, GOOD | changed))
    assert "line 2" in raised.value.en
    assert "第 2 行" in raised.value.zh


def test_a_folder_without_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="missing"):
        read_cases(tmp_path)
    with pytest.raises(BadData, match="no line"):
        read_cases(write(tmp_path))


def test_the_shipped_set_is_what_its_page_says() -> None:
    cases = read_cases(SHIPPED)
    heldout, tuning = ([case for case in cases if case.split == split] for split in ("heldout", "tuning"))
    assert len(heldout) + len(tuning) == len(cases) >= 300
    assert len(heldout) >= 0.4 * len(cases)
    assert {case.language for case in cases} == {"zh", "en"}
    assert {mark.type for case in cases for mark in case.marks} == set(TYPES)

    def values(chosen: list[Case]) -> set[str]:
        return {case.text[mark.start : mark.end] for case in chosen for mark in case.marks}

    assert not values(heldout) & values(tuning)
    checks = dict(zip(CHECKSUM, (is_resident_id, is_uscc, is_bank_card), strict=True))
    for case in cases:
        for mark in case.marks:
            value = half_width(case.text[mark.start : mark.end])
            if mark.type in checks:
                assert checks[mark.type](value), value
            if mark.type == "PHONE" and not value.startswith(("+4", "+3")):
                assert "1990000" in re.sub(r"\D", "", value)
            if mark.type == "EMAIL":
                assert re.search(r"\.example(?:\.[a-z]+)?$", value), value
