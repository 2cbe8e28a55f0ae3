"""Rules over plain text: disguises, denials, the words that a pattern needs, and what an exception covers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import Language, UnreadableFile
from rag.company import load_pack
from rag.disguise import plain
from rag.records import read_grid
from rag.refused_columns import refused_columns
from rag.rule_pack import PACKS, Rule, pack_files
from rag.rule_words import alternatives, words
from rag.rules import fired, judged

RULES = {rule.id: rule for path in pack_files(PACKS) for rule in load_pack(path).rules}


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("absolute-terms", "國家級的品質"),
        ("absolute-terms", "国 家 级品质"),
        ("absolute-terms", "最🔥佳选择"),
        ("absolute-terms", "最隹方案"),
        ("absolute-terms", "zui佳方案"),
        ("absolute-terms", "行业第１"),
        ("benefit-to-person", "给您回*扣"),
        ("benefit-to-person", "回kou好商量"),
        ("benefit-to-person", "给您包個紅包"),
        ("efficacy-guarantee", "１００％有效"),
    ],
)
def test_a_disguised_word_is_read_as_it_is_meant(rule: str, text: str) -> None:
    assert fired(RULES[rule], text, "zh")


@pytest.mark.parametrize("text", ["the b e s t pump", "the b3st pump", "the ｂｅｓｔ pump", "the bеst pump"])
def test_an_english_word_is_read_through_spaces_figures_and_foreign_letters(text: str) -> None:
    assert fired(RULES["absolute-terms"], text, "en")


def test_words_are_quoted_as_they_were_written() -> None:
    assert fired(RULES["absolute-terms"], "这是國 家 級品质", "zh") == ["國 家 級"]


@given(st.text(max_size=60))
def test_every_character_of_plain_text_has_its_place(text: str) -> None:
    read = plain(text)
    assert len(read.text) == len(read.starts) == len(read.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(read.starts, read.ends, strict=True))
    assert list(read.starts) == sorted(read.starts)


@given(st.text(alphabet="回扣不给最佳国家级，。 a*我们的bribe", max_size=30))
def test_a_pattern_never_matches_without_one_of_its_words(text: str) -> None:
    for rule in (RULES["benefit-to-person"], RULES["absolute-terms"]):
        for pattern in rule.detect["zh"]:
            for each in alternatives(pattern):
                if re.search(each, text, re.IGNORECASE):
                    assert any(word in text.lower() for word in words(each))


def test_alternatives_are_those_outside_of_every_bracket() -> None:
    assert alternatives(r"a(?:b|c)|d[|]|\|e") == ("a(?:b|c)", "d[|]", r"\|e")
    assert words("(?:送|赠)(?:设备|机器)?") == {"送", "赠", "送设备", "赠设备", "送机器", "赠机器"}
    assert words("[^，]{0,4}") == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "我们公司不给任何人回扣。",
        "收回扣是违法的。",
        "严禁向客户送红包、购物卡。",
        "我们从来不送购物卡。",
    ],
)
def test_who_denies_or_forbids_it_is_not_stopped(text: str) -> None:
    hits = judged(RULES["benefit-to-person"], text, "zh")
    assert hits
    assert {hit.exemption.id for hit in hits if hit.exemption} == {"denied"}
    assert fired(RULES["benefit-to-person"], text, "zh") == []


@pytest.mark.parametrize(
    "text",
    [
        "能不能给点回扣？",
        "您不用客气，这点红包收下。",
        "这个回扣不能让财务知道。",
        "我们不说虚的，但是回扣照给。",
        "不会少了您的回扣。",
        "给不给回扣，您一句话。",
    ],
)
def test_a_false_denial_does_not_help(text: str) -> None:
    assert fired(RULES["benefit-to-person"], text, "zh")


@pytest.mark.parametrize(
    ("text", "language"),
    [("We never, under any circumstances, pay kickbacks.", "en"), ("任何情况下均不得收受回扣。", "zh")],
)
def test_a_denial_reaches_over_an_insertion(text: str, language: Language) -> None:
    assert fired(RULES["benefit-to-person"], text, language) == []


def test_a_rule_read_back_from_json_is_the_same_rule() -> None:
    for rule in RULES.values():
        assert Rule.model_validate(rule.model_dump(mode="json")) == rule


def test_exceptions_without_a_reason_still_work() -> None:
    raw = RULES["below-cost-bid"].model_dump(mode="json") | {"exceptions": {"zh": ["成本价[^，。]{0,4}公示"], "en": []}}
    rule = Rule.model_validate(raw)
    assert fired(rule, "低于成本价的公示", "zh") == []
    assert fired(rule, "低于成本价投标", "zh")


@pytest.mark.parametrize(
    "headers",
    [
        ["医生姓名", "药品名称", "数量"],
        ["开单医生", "开单量"],
        ["科室用量", "月份"],
        ["醫生姓名", "處方量"],
        ["Doctor", "Prescriptions"],
        ["统方明细", "备注"],
    ],
)
def test_prescriptions_per_doctor_are_refused_with_the_article(headers: list[str]) -> None:
    refusal = refused_columns(headers)
    assert refusal is not None
    assert "统方" in refusal.article
    content = (",".join(headers) + "\n" + ",".join("x" for _ in headers) + "\n").encode()
    with pytest.raises(UnreadableFile) as refused:
        read_grid("export.csv", content)
    assert refusal.article in refused.value.say("zh")
    assert refusal.article in refused.value.say("en")


@pytest.mark.parametrize(
    "headers",
    [
        ["订单号", "客户编号", "品类", "数量"],
        ["联系人编号", "姓名", "科室", "职务"],
        ["科室", "设备", "使用年限"],
        ["医生", "预约日期"],
        ["Doctor", "Department", "Phone"],
        [],
    ],
)
def test_ordinary_tables_are_taken(headers: list[str]) -> None:
    assert refused_columns(headers) is None
