"""Pseudonyms: one person one name, two people two names, and back only through the token."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.consent import redaction_permit
from governance.db import metadata, open_engine
from governance.pseudonyms import TOKEN, letters, pseudonymise, restore, token, tokens_of
from governance.vault import open_vault, reveal

ONE, TWO, THREE = (f"p_{digit * 16}" for digit in "abc")
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
people = st.integers(0, 40).map(lambda number: f"p_{number:016x}")
fields = st.sampled_from(["name", "name_en", "phone", "email", "wechat", "note", "whatever"])
pieces = st.one_of(
    st.builds(token, people, fields),
    st.sampled_from(["，", " ", "请联系", " said ", "[[", "]]", "p_1", "1", "A", "主任", "\n", "人员", "%"]),
)
texts = st.lists(pieces, max_size=12).map("".join)
words = st.sampled_from(
    ["设备科主任", "主任", "Director", "Head of ICU", "人员", "电话", "Person", "主任1", "", " \n", "主任A"]
)
roles = st.dictionaries(people, words, max_size=30)
languages = st.sampled_from(["zh", "en"])


def test_a_role_is_told_with_a_letter_and_a_value_with_that_of_its_person() -> None:
    text = f"{token(ONE, 'name')}（{token(ONE, 'phone')}）转告{token(TWO, 'name')}，{token(THREE, 'name')}在场。"
    posts = {TWO: "副院长", ONE: "设备科主任"}
    assert pseudonymise(text, "zh", posts) == "设备科主任B（电话B）转告副院长A，人员1在场。"
    assert pseudonymise(token(ONE, "name_en"), "en", {ONE: "Director"}) == "Director A"
    assert pseudonymise(text, "zh") == "人员1（电话1）转告人员2，人员3在场。"


def test_somebody_new_changes_no_letter() -> None:
    posts = {ONE: "主任", TWO: "主任"}
    before = pseudonymise(token(TWO, "name"), "zh", posts)
    assert (
        pseudonymise(f"{token(THREE, 'name')} {token(TWO, 'name')}", "zh", posts | {THREE: "主任"}) == f"主任C {before}"
    )


def test_a_role_that_would_name_somebody_is_not_shown() -> None:
    assert pseudonymise(token(ONE, "name"), "zh", {ONE: f"{token(TWO, 'name')}的秘书"}) == "人员A"


def test_letters_go_on_as_the_columns_of_a_table() -> None:
    assert [letters(place) for place in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


@given(texts, languages, roles)
def test_nothing_of_a_person_is_left(text: str, language: str, posts: dict[str, str]) -> None:
    shown = pseudonymise(text, language, posts)  # type: ignore[arg-type]
    assert not TOKEN.search(shown)
    assert not re.search(r"p_[0-9a-f]{16}", shown)


@given(st.lists(people, min_size=2, max_size=12, unique=True), languages, roles)
def test_two_people_never_share_a_pseudonym_and_one_never_has_two(
    persons: list[str], language: str, posts: dict[str, str]
) -> None:
    text = "\n".join([token(person, "name") for person in persons] * 2)
    shown = pseudonymise(text, language, posts).split("\n")  # type: ignore[arg-type]
    assert shown[: len(persons)] == shown[len(persons) :]
    assert len(set(shown)) == len(persons)


@given(st.lists(people, max_size=6), st.lists(people, max_size=6), languages, roles)
def test_who_has_a_role_is_called_the_same_in_every_text(
    first: list[str], second: list[str], language: str, posts: dict[str, str]
) -> None:
    def called(persons: list[str]) -> dict[str, str]:
        text = "\n".join(token(person, "name") for person in persons)
        return dict(zip(persons, pseudonymise(text, language, posts).split("\n"), strict=False))  # type: ignore[arg-type]

    one, other = called(first), called(second)
    assert all(one[person] == other[person] for person in one.keys() & other.keys() & posts.keys())


@given(st.lists(st.tuples(people, st.sampled_from(["name", "phone"])), max_size=8), languages, roles)
def test_what_was_pseudonymised_can_be_restored(
    mentions: list[tuple[str, str]], language: str, posts: dict[str, str]
) -> None:
    text = "；".join(f"“{token(*mention)}”" for mention in mentions)
    back = tokens_of(text, language, posts)  # type: ignore[arg-type]
    ambiguous = len(back) < len(set(mentions))  # a role called 电话 beside the person's telephone
    restored = restore(pseudonymise(text, language, posts), back)  # type: ignore[arg-type]
    assert restored == text or ambiguous
    assert set(TOKEN.findall(restored)) <= set(TOKEN.findall(text))


def test_nobody_is_guessed() -> None:
    text = "、".join(token(f"p_{number:016x}", "name") for number in range(12))
    back = tokens_of(text, "zh")
    assert (
        restore("人员1，人员12，人员13，人员120", back)
        == f"{token(f'p_{0:016x}', 'name')}，{token(f'p_{11:016x}', 'name')}，人员13，人员120"
    )
    assert tokens_of(f"人员1说过；{token(ONE, 'name')}同意", "zh") == {}  # stands in the text itself
    assert tokens_of(f"{token(ONE, 'x')}{token(ONE, 'y')}", "zh") == {}  # two values, one name
    assert restore("人员1", {}) == "人员1"


@pytest.mark.parametrize("posts", [{}, {ONE: "主任"}])
def test_revealing_a_pseudonymised_text_reveals_nothing(tmp_path: Path, posts: dict[str, str]) -> None:
    engine, vault = open_engine(f"sqlite:///{tmp_path / 'x.db'}"), open_vault(tmp_path / "keys")
    metadata.create_all(engine)
    shown = pseudonymise(f"{token(ONE, 'name')}，{token(TWO, 'phone')}", "zh", posts)
    with engine.begin() as tx:
        assert reveal(tx, vault, redaction_permit("x", NOW), shown, "zh", now=NOW, roles=posts) == shown
        text = f"{token(ONE, 'name')}，{token(TWO, 'phone')}"
        assert reveal(tx, vault, redaction_permit("x", NOW), text, "zh", now=NOW, roles=posts) == shown
