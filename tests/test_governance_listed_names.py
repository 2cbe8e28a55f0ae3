"""People of the records in every way they are written, names without a list, and lines that strangers wrote."""

from pathlib import Path

import pytest

from eval.pii import Mark, read_cases, tally
from governance.chinese_likely import given_characters, vocabulary
from governance.latin_names import is_also_a_word, is_family, is_given, plain
from governance.listed_names import pinyin
from governance.redact import Redactor

STRANGERS = Path(__file__).parents[1] / "data_samples" / "golden" / "pii" / "strangers"


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor({})


def found(redactor: Redactor, text: str, *names: str) -> list[str]:
    known = redactor.knowing({name: [name] for name in names}) if names else redactor
    return [text[span.start : span.end] for span in known.find(text)]


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("找那老师盖章。", "那英姿", ["那老师"]),
        ("怀瑾已经同意了。", "陆怀瑾", ["怀瑾"]),
        (
            "Xiaoming Wang, WANG XIAO MING, Wang Xiao-Ming",
            "王小明",
            ["Xiaoming Wang", "WANG XIAO MING", "Wang Xiao-Ming"],
        ),
        ("Call S. Garrity or Siobhan.", "Siobhan Garrity", ["S. Garrity", "Siobhan"]),
        ("siobhan garrity wrote", "Siobhan Garrity", ["siobhan garrity"]),
        ("ＷＡＮＧ　ＦＡＮＧ与王　芳", "王芳", ["ＷＡＮＧ　ＦＡＮＧ", "王　芳"]),
    ],
)
def test_a_listed_person_is_found_however_written(redactor: Redactor, text: str, name: str, wanted: list[str]) -> None:
    assert found(redactor, text, name) == wanted


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hope this helps.", "Hope"),
        ("Will you come?", "Will"),
        ("May 12 is fine, or late May.", "May"),
        ("高峰期排队。", "高峰"),
        ("安排妥当后再通知设备科。", "安排"),
    ],
)
def test_a_listed_name_that_is_a_word_here_stays(redactor: Redactor, text: str, name: str) -> None:
    assert found(redactor, text, name) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("他叫解兴旺，现在是冀雅宁。", ["解兴旺", "冀雅宁"]),
        ("明月和江南两位老师来过。", ["明月", "江南"]),
        ("让成功去跟进，成功说他约好了。", ["成功", "成功"]),
        ("Linda明天回国，Tony跟我说的。", ["Linda", "Tony"]),
        ("Can Yusuf bring it? Ask Hope in radiology.", ["Yusuf", "Hope"]),
        ("张：在吗？\n李：在。", ["张", "李"]),
        ("听脉医疗电子（云渚）有限公司，康颐医疗的销售", []),
        ("Petri dish, Jackson resuscitators, Grant Memorial", []),
        ("服务热线400-555-0882，运单SF1402298837165", []),
        (
            "Room 5, 99 Xinhua Road, Changning District, Shanghai",
            ["Room 5, 99 Xinhua Road, Changning District, Shanghai"],
        ),
        ("QQ群里那个283914706，微信同事hq_qixie77", ["283914706", "hq_qixie77"]),
        ("座机87026614转12，手机139 170 62381", ["87026614转12", "139 170 62381"]),
    ],
)
def test_without_a_list_places_and_neighbours_decide(redactor: Redactor, text: str, wanted: list[str]) -> None:
    assert found(redactor, text) == wanted


def test_the_lists_of_names_are_read_as_they_are_meant() -> None:
    assert is_given("Siobhán")
    assert not is_given("Hope")
    assert is_also_a_word("Hope")
    assert is_family("Oyelaran")
    assert is_family("Al-Harbi")
    assert not is_family("Memorial")
    assert plain("Łukasz") == "lukasz"
    assert {"shan yichen", "yichen shan"} <= set(pinyin("单亦辰"))
    assert list(pinyin("王")) == []
    assert given_characters()["伟"] > 0 > given_characters()["可"]
    assert "高尔" not in vocabulary()


def test_what_strangers_wrote_stays_found(redactor: Redactor) -> None:
    cases = read_cases(STRANGERS)

    def marks(names: tuple[str, ...], text: str) -> list[Mark]:
        known = redactor.knowing({name: [name] for name in names})
        return [Mark(span.start, span.end, span.entity) for span in known.find(text)]

    listed = tally(cases, [marks(case.contacts, case.text) for case in cases])
    alone = tally(cases, [marks((), case.text) for case in cases])
    assert (listed.recall(("PERSON",)) or 0) >= 0.97
    assert (alone.recall(("PERSON",)) or 0) >= 0.96
    assert (alone.precision() or 0) >= 0.98
    assert listed.recall(("CN_ID", "USCC", "BANK_CARD")) == 1.0
