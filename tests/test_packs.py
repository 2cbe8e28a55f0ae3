"""The shipped phrase books and rule packs: every sentence of them is checked here."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from eval.scoring import Asked, Phrasing, Wording, score_answer
from rag.company import GROUPS, Move, PhraseBook, _load, load_company  # pyright: ignore[reportPrivateUsage]
from rag.rule_pack import PACKS, Rule, RulePack, pack_files
from rag.rules import detects, fired
from sandbox.compose import Availability, compose_sections

Language = Literal["zh", "en"]
BOOKS = (PACKS / "phrases.yaml", PACKS.parent / "data_samples" / "phrases.yaml")
LANGUAGES: tuple[Language, Language] = ("zh", "en")
RULE_FILES = pack_files(PACKS)
RULES = [pytest.param(rule, id=rule.id) for path in RULE_FILES for rule in _load(path, RulePack).rules]
SAMPLE: dict[Language, dict[str, str]] = {
    "zh": {
        "customer": "江州市第一人民医院",
        "decider": "张伟",
        "decider_title": "设备科科长",
        "decider_called": "设备科张伟科长",
        "decider_address": "张伟科长",
        "contact_date": "2026年11月9日",
        "contact_subject": "2027年设备预算沟通",
        "promise_text": "新探头到货后上门更换",
        "decider_since": "2026年3月",
        "rep": "刘洋",
        "company": "澄言医疗器械有限公司",
        "buy1_year": "2025年",
        "buy1_category": "超声诊断系统",
        "buy1_quantity": "2台",
        "budget_year": "2027年",
        "budget_window": "10月至11月",
        "product": "清影Q5",
        "certificate": "沪械注准20242060123",
        "certificate_until": "2029年5月17日",
        "scope": "用于腹部和血管的超声检查",
        "warranty": "36个月",
        "ticket_date": "2026年10月12日",
        "ticket_subject": "探头图像出现横纹",
        "tender_title": "2026年超声诊断系统采购项目",
        "tender_closes": "2026年12月2日",
        "category": "超声诊断系统",
    },
    "en": {
        "customer": "Jiangzhou First People's Hospital",
        "decider": "Zhang Wei",
        "decider_title": "Head of Equipment",
        "decider_called": "Zhang Wei, Head of Equipment",
        "decider_address": "Zhang Wei",
        "contact_date": "9 November 2026",
        "contact_subject": "Equipment budget for 2027",
        "promise_text": "Replace the probe on site once the new one has arrived",
        "decider_since": "March 2026",
        "rep": "Liu Yang",
        "company": "Chengyan Medical Devices Co., Ltd",
        "buy1_year": "2025",
        "buy1_category": "ultrasound systems",
        "buy1_quantity": "2 units",
        "budget_year": "2027",
        "budget_window": "October to November",
        "product": "Qingying Q5",
        "certificate": "沪械注准20242060123",
        "certificate_until": "17 May 2029",
        "scope": "ultrasound examination of the abdomen and vessels",
        "warranty": "36 months",
        "ticket_date": "12 October 2026",
        "ticket_subject": "Horizontal stripes",
        "tender_title": "Procurement of ultrasound systems 2026",
        "tender_closes": "2 December 2026",
        "category": "ultrasound systems",
    },
}


def language_of(text: str) -> Language:
    return "zh" if re.search(r"[\u4e00-\u9fff]", text) else "en"


def wordings(book: PhraseBook) -> Iterator[tuple[Move, Language, str]]:
    for section in book.sections.values():
        for move in section.moves:
            for language in LANGUAGES:
                for wording in move.wordings(language):
                    yield move, language, wording


def filled(book: PhraseBook, language: Language, wording: str) -> str:
    values = {f"must_{name}": phrase.say(language) for name, phrase in book.must_say.items()} | SAMPLE[language]
    values |= {f"buy{n}_{k}": values[f"buy1_{k}"] for n in (2, 3) for k in ("year", "category", "quantity")}
    return wording.format(**values)


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.parent.name)
def test_every_wording_is_one_sentence_with_one_end_mark(path: Path) -> None:
    for move, language, wording in wordings(_load(path, PhraseBook)):
        marks = "。？！" if language == "zh" else ".?!"
        assert wording[-1] in marks, f"{move.id}: {wording}"
        assert not any(mark in wording[:-1] for mark in "。？！.?!"), f"{move.id}: {wording}"


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.parent.name)
def test_every_move_has_five_to_seven_different_wordings_in_both_languages(path: Path) -> None:
    book = _load(path, PhraseBook)
    for section in book.sections.values():
        for move in section.moves:
            for said in (move.zh, move.en):
                assert 5 <= len(set(said)) == len(said) <= 7, move.id


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.parent.name)
def test_a_must_say_phrase_has_no_end_mark_since_the_wording_brings_it(path: Path) -> None:
    for phrase in _load(path, PhraseBook).must_say.values():
        assert not set(phrase.zh + phrase.en) & set("。？！.?!")
        assert phrase.article


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.parent.name)
def test_no_wording_holds_a_figure_of_its_own(path: Path) -> None:
    for move, _, wording in wordings(_load(path, PhraseBook)):
        assert not re.search(r"(?<!buy)\d(?!_)", wording), f"{move.id}: {wording}"


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.parent.name)
def test_every_stage_introduces_the_caller_thanks_or_offers_and_says_that_ai_helped(path: Path) -> None:
    book = _load(path, PhraseBook)
    for name, stage in book.stages.items():
        first, last = (book.sections[stage.sections[place]].moves for place in (0, -1))
        assert "ai" in stage.must_say[stage.sections[0]]
        assert any({"rep"} <= set(move.needs) for move in first), name
        assert last[-1].id.startswith(("thanks", "unsubscribe")), name
        if name not in ("complaint", "message"):
            assert stage.sections[0] == "opening"
            assert stage.sections[-1] in ("closing", "visit_closing")


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.parent.name)
def test_every_section_says_something_when_nothing_is_known(path: Path) -> None:
    for name, section in _load(path, PhraseBook).sections.items():
        assert section.planned(("rep", "customer")), name


def test_the_books_share_their_structure_so_that_one_adapter_serves_both() -> None:
    neutral, medical = (_load(path, PhraseBook) for path in BOOKS)
    assert neutral.stages == medical.stages
    shapes = [
        [(name, move.id, move.slots) for name, section in book.sections.items() for move in section.moves]
        for book in (neutral, medical)
    ]
    assert shapes[0] == shapes[1]


def test_the_neutral_book_names_no_trade() -> None:
    text = BOOKS[0].read_text(encoding="utf-8")
    assert not re.search(r"医院|贵院|科室|注册证|医疗|hospital|medical|clinical", text)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_its_hits(rule: Rule) -> None:
    assert [hit for hit in rule.hits if not fired(rule, hit, language_of(hit))] == []


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_passes_its_look_alikes(rule: Rule) -> None:
    assert {said: found for said in rule.passes if (found := fired(rule, said, language_of(said)))} == {}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_tested_by_three_sentences_of_each_kind_in_each_language(rule: Rule) -> None:
    for language in rule.detect:
        assert sum(language_of(text) == language for text in rule.hits) >= 3
        assert sum(language_of(text) == language for text in rule.passes) >= 3


@pytest.mark.parametrize("rule", RULES)
def test_every_pattern_of_a_rule_is_needed_by_one_of_its_hits(rule: Rule) -> None:
    for language, patterns in rule.detect.items():
        said = [hit for hit in rule.hits if language_of(hit) == language]
        assert [pattern for pattern in patterns if not any(detects([pattern], hit) for hit in said)] == []


@pytest.mark.parametrize("rule", RULES)
def test_every_exception_is_needed_by_one_of_the_look_alikes(rule: Rule) -> None:
    for exemption in rule.exceptions:
        others = [each for each in rule.exceptions if each.id != exemption.id]
        without = rule.model_copy(update={"exceptions": others})
        for language in rule.detect:
            said = [text for text in rule.passes if language_of(text) == language]
            if exemption.patterns(language):
                assert any(fired(without, text, language) for text in said), (exemption.id, language)


def test_no_rule_fires_on_a_look_alike_or_an_alternative_of_another() -> None:
    rules = [rule for path in RULE_FILES for rule in _load(path, RulePack).rules]
    lawful = [text for rule in rules for text in (*rule.passes, rule.instead.zh, rule.instead.en)]
    found = [(rule.id, text) for rule in rules for text in lawful if fired(rule, text, language_of(text))]
    assert found == []


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.parent.name)
def test_no_wording_of_the_phrase_book_triggers_any_rule(path: Path) -> None:
    book = _load(path, PhraseBook)
    rules = [rule for file in RULE_FILES for rule in _load(file, RulePack).rules]
    said: list[tuple[Language, str]] = [(each, filled(book, each, text)) for _, each, text in wordings(book)]
    assert [(rule.id, text) for rule in rules for language, text in said if fired(rule, text, language)] == []


@pytest.mark.parametrize(
    "question", ["能不能给点回扣？", "可不可以透露标底？", "有没有返点给您个人？", "会不会把折扣走账外？"]
)
def test_a_question_that_holds_a_negation_is_no_denial(question: str) -> None:
    rules = [rule for path in RULE_FILES for rule in _load(path, RulePack).rules]
    assert any(fired(rule, question, "zh") for rule in rules)


def test_a_denial_covers_only_its_own_clause() -> None:
    rules = [rule for path in RULE_FILES for rule in _load(path, RulePack).rules if rule.severity == "block"]
    said = "我们不能保证结果，但是这款设备绝对是全国第一。"
    assert any(fired(rule, said, "zh") for rule in rules)


def test_rule_ids_are_unique_and_carry_article_and_date() -> None:
    rules = [rule for path in RULE_FILES for rule in _load(path, RulePack).rules]
    assert len({rule.id for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.article
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", rule.version)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.parent.name)
def test_every_wording_is_perfect_by_the_figures_of_the_release_gate(path: Path, language: Language) -> None:
    book = _load(path, PhraseBook)
    moves = [(name, move) for name, section in book.sections.items() for move in section.moves]
    phrasing = Phrasing(Wording(name, move.id, each) for name, move in moves for each in move.wordings(language))
    for name, move in moves:
        for wording in move.wordings(language):
            tally = score_answer(wording, Asked(name, frozenset(move.slots)), phrasing, stopped=True)
            assert (tally.unsupported, tally.wrong_type) == (0, 0), wording
            assert (tally.copied, tally.must_said) == (tally.expected, tally.must), wording


def test_no_section_in_the_approved_words_breaks_a_rule_whatever_is_known() -> None:
    company = load_company(PACKS.parent / "data_samples")
    facts = [
        Availability(f"c{number}", frozenset({"rep", "customer", *([] if number % 2 else GROUPS)}), frozenset(), ("p",))
        for number in range(4)
    ]
    answers = {(sample.answer, sample.language) for sample in compose_sections(company.phrases, facts, seed=1)}
    blocking = [rule for _, rule in company.rules() if rule.severity == "block"]
    assert len(answers) > 500
    assert [(rule.id, text) for text, language in answers for rule in blocking if fired(rule, text, language)] == []
