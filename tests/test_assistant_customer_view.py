"""The customer's card as a rep and as a coordinator see it; names only with a live permit, noted in the ledger."""

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from assistant.components import render
from assistant.customer_view import CustomerView, LineView, candidates, view_customer
from assistant.header import Visitor
from assistant.i18n import TEXTS, Locale
from assistant.page_customer import PAGE, Asked, usable
from assistant.parts import Parts
from assistant.texts_customer import CUSTOMER
from governance import ledger
from governance.accounts import User
from governance.db import metadata, open_engine, reading
from governance.errors import Conflict, Invalid, NotAllowed, NotFound
from governance.settings import Settings
from governance.vault import forget, open_vault
from rag.company import load_company
from rag.customer_labels import ORDER
from rag.entries import contact_person
from rag.facts import add_facts, facts_about, make_fact
from rag.pipeline import ingest
from tests.small_company import cut_company

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
REP = User("wang", frozenset({"rep"}), "王晓", "zh")
COORDINATOR = User("li", frozenset({"coordinator"}), "李敏", "zh")
TODAY = NOW.date()
DOCUMENTS = (
    "04_产品资质_TM-12多参数病人监护仪.docx",
    "37_TM-12产品彩页_2024年版.pdf",
    "08_产品资质_YD-500双通道输液泵.docx",
)
See = Callable[..., CustomerView]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a database and its keys, read once; every test gets a copy."""
    home = tmp_path_factory.mktemp("filled")
    company = cut_company(home / "company", ("H001", "H003", "H007", "H014", "H034"), DOCUMENTS)
    db = open_engine(f"sqlite:///{home / 'x.db'}")
    metadata.create_all(db)
    assert ingest(db, open_vault(home / "keys"), company, now=NOW).problems == ()
    db.dispose()
    return home


@pytest.fixture
def parts(filled: Path, tmp_path: Path) -> Iterator[Parts]:
    home = shutil.copytree(filled, tmp_path / "home")
    db = open_engine(f"sqlite:///{home / 'x.db'}")
    yield Parts(Settings(home=home), db, open_vault(home / "keys"), load_company(home / "company"))
    db.dispose()


@pytest.fixture
def see(parts: Parts) -> See:
    def seen(
        name: str,
        user: User = REP,
        lang: Locale = "zh-CN",
        product: str | None = None,
        day: date = TODAY,
        known: datetime | None = None,
    ) -> CustomerView:
        return view_customer(parts, name, user, lang, product=product, as_of=day, known_at=known, now=NOW)

    return seen


def lines(view: CustomerView, part: str) -> list[LineView]:
    return [line for each in view.parts if each.id == part for line in (*each.lines, *each.folded)]


def empty(view: CustomerView, part: str) -> str:
    return next(each.empty for each in view.parts if each.id == part)


def reads(parts: Parts, contact: str) -> int:
    person = contact_person(parts.vault, parts.company, contact)
    with reading(parts.db) as tx:
        return sum(event.event == "read" for event in ledger.events_of(tx, person))


def test_a_rep_sees_the_name_of_who_agreed_and_the_ledger_knows(parts: Parts, see: See) -> None:
    before = reads(parts, "K0002")
    [line] = lines(see("青禾一院"), "decision_makers")
    assert (line.person, line.text) == ("沈知遥", "设备科主任，2026年3月1日起任职")
    assert reads(parts, "K0002") == before + 1
    [line] = lines(see("H001", lang="en"), "decision_makers")
    assert (line.person, line.text) == ("Zhiyao Shen", "Director of Medical Equipment, since 1 March 2026")


def test_who_did_not_agree_is_shown_by_post_and_nothing_is_read(parts: Parts, see: See) -> None:
    view = see("H007")
    [line] = lines(view, "decision_makers")
    assert (line.person, line.text) == ("", "设备科主任，2023年11月1日起任职")
    [consent] = lines(view, "consent")
    assert (consent.person, consent.mark) == ("", "warn")
    assert "没有同意记录" in consent.text
    assert reads(parts, "K0026") == 0


def test_a_coordinator_sees_no_name_anywhere(parts: Parts, see: See) -> None:
    view = see("H001", COORDINATOR)
    assert [line.person for part in view.parts for line in part.lines if line.person] == []
    assert "沈知遥" not in str(view)
    assert re.search("设备科主任[A-Z]", str(view.evidence))
    assert reads(parts, "K0002") == 0


def test_nobody_else_may_look(see: See) -> None:
    with pytest.raises(NotAllowed):
        see("H001", User("root", frozenset({"admin"}), "管理员", "zh"))


def test_telephone_numbers_stay_hidden_beside_a_name(see: See) -> None:
    said = str(see("H001").evidence)
    assert "沈知遥" in said
    assert re.search("电话[A-Z]", said)
    assert "19900000074" not in said


def test_every_line_of_a_record_has_a_numbered_source_with_place_and_date(see: See) -> None:
    view = see("H001", product="P01")
    numbers = {item.number: item for item in view.evidence}
    assert list(numbers) == list(range(1, len(numbers) + 1))
    for part in view.parts:
        for line in (*part.lines, *part.folded):
            assert line.evidence
            assert all(numbers[n].title for n in line.evidence)
    [ticket] = lines(view, "tickets")
    source = numbers[ticket.evidence[0]]
    assert (source.title, source.date) == ("records/tickets.csv", "2026-11-03")
    assert source.place.startswith("第")


def test_an_overdue_promise_says_so_in_words(see: See) -> None:
    late = [line for line in lines(see("H001"), "promises") if line.mark == "late"]
    assert [line.tag for line in late] == ["逾期 30 天"]
    late = [line for line in lines(see("H001", lang="en"), "promises") if line.mark == "late"]
    assert [line.tag for line in late] == ["30 days overdue"]


def test_an_open_tender_warns_with_its_article(see: See) -> None:
    [line] = lines(see("H003"), "tenders")
    assert line.mark == "warn"
    assert "不得推介产品" in line.text
    assert "《招标投标法》第四十三条" in line.text
    assert lines(see("H003", day=date(2026, 12, 5)), "tenders") == []


def test_of_all_products_only_what_needs_attention_stands_open(see: See) -> None:
    [part] = [each for each in see("H001").parts if each.id == "certificates"]
    assert [line.mark for line in part.lines] == ["late", "warn"]
    assert [line.mark for line in part.folded] == [""]
    [part] = [each for each in see("H001", product="P04").parts if each.id == "certificates"]
    assert ([line.mark for line in part.lines], part.folded) == (["", "warn"], ())


def test_contradicting_sources_stand_side_by_side(parts: Parts, see: See) -> None:
    [warranty] = see("H001", product="P04").conflicts
    assert {side.text for side in warranty.sides} == {"36 个月", "24 个月"}
    assert all(side.evidence for side in warranty.sides)
    person = "p_00000000000000aa"
    with parts.db.begin() as tx:
        [source] = {fact.source for fact in facts_about(tx, "customer:H001", as_of=None, relation="name")}
        said = {"customer": "customer:H001", "department": "设备科", "decides": "yes"}
        since = date(2026, 3, 1)
        rival = make_fact(
            person, "holds_title", "设备科主任", said, source=source, known_from=NOW, valid_from=since, unique=True
        )
        add_facts(tx, [rival])
    view = see("H001", product="P01")
    assert (lines(view, "decision_makers"), empty(view, "decision_makers")) == ([], TEXTS["none_disputed"][0])
    [posts] = view.conflicts
    named, rival_called = sorted((side.text for side in posts.sides), key=lambda text: text != "沈知遥")
    assert named == "沈知遥"
    assert re.fullmatch("设备科主任[A-Z]", rival_called)


def test_unknown_is_said_and_an_empty_part_is_told_from_an_unknown_one(see: See) -> None:
    view = see("H034")
    assert "谁决策" in view.unknowns
    assert empty(view, "decision_makers") == TEXTS["none_known"][0]
    assert empty(view, "consent") == TEXTS["none_known"][0]
    view = see("H001")
    assert empty(view, "tenders") == TEXTS["none_tenders"][0]
    assert [part.id for part in view.parts] == list(ORDER)


def test_a_customer_of_which_only_the_name_is_known_has_a_card(parts: Parts, see: See) -> None:
    with parts.db.begin() as tx:
        source = facts_about(tx, "customer:H001", as_of=None, relation="name")[0].source
        add_facts(tx, [make_fact("customer:X9", "name", "空白医院", {}, source=source, known_from=NOW)])
    view = see("空白医院")
    assert (view.name, len(view.unknowns), view.id) == ("空白医院", 7, "X9")


def test_a_former_name_and_a_registration_find_the_customer(see: See) -> None:
    view = see("雁汀市第二人民医院")
    assert view.id == "H014"
    assert "曾用名：雁汀市第二人民医院" in view.details
    assert see("12329900MA2459153Q").id == "H001"


def test_an_unclear_name_lists_who_may_be_meant(parts: Parts, see: See) -> None:
    with parts.db.begin() as tx:
        source = facts_about(tx, "customer:H001", as_of=None, relation="name")[0].source
        for id_ in ("X8", "X9"):
            add_facts(
                tx, [make_fact(f"customer:{id_}", "name", id_, {"aliases": "分院"}, source=source, known_from=NOW)]
            )
        several, holding, none = (candidates(tx, text, "zh") for text in ("分院", "人民", "没有的医院"))
    assert [each.id for each in several] == ["X8", "X9"]
    assert {"H001"} <= {each.id for each in holding}
    assert none == []
    with pytest.raises(Conflict):
        see("分院")
    with pytest.raises(NotFound):
        see("没有的医院")


def test_what_was_known_earlier_is_less(see: See) -> None:
    view = see("H001", known=NOW - timedelta(days=1))
    assert lines(view, "decision_makers") == []
    assert view.name == "青禾市第一人民医院"
    with pytest.raises(Invalid):
        see("H001", day=date(9999, 1, 1))
    with pytest.raises(NotFound):
        see("H001", product="没有的产品")


def test_who_withdrew_is_in_no_card_of_any_day(parts: Parts, see: See) -> None:
    person = contact_person(parts.vault, parts.company, "K0002")
    with parts.db.begin() as tx:
        forget(tx, parts.vault, person, actor="dpo", now=NOW)
    for day in (date(2024, 6, 30), TODAY, date(2027, 6, 1)):
        for user in (REP, COORDINATOR):
            view = see("H001", user, day=day)
            assert [line.text for line in lines(view, "decision_makers") if "2026年3月" in line.text] == []
            assert not any(said in str(view) for said in ("沈知遥", "Zhiyao", person))


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_the_card_renders_with_nothing_that_a_name_could_inject(parts: Parts, see: See, lang: Locale) -> None:
    with parts.db.begin() as tx:
        source = facts_about(tx, "customer:H001", as_of=None, relation="name")[0].source
        add_facts(tx, [make_fact("customer:X9", "name", "<script>x</script>", {}, source=source, known_from=NOW)])
    asked = Asked("X9", "2026-11-21", "", "")
    for name in ("X9", "H001", "H003", "H007", "H034"):
        view = see(name, lang=lang)
        shown = render(PAGE, "head", lang, view, asked, [], True) + render(PAGE, "card", lang, view, ["x"], True)
        assert "<script>" not in shown
        assert "[[" not in shown
        assert 'href="/rep/?customer=' in shown
    assert "/rep/" not in render(PAGE, "head", lang, view, asked, [], False)


def test_days_and_products_that_cannot_be_meant_are_named_and_left_out() -> None:
    who = Visitor(REP, "zh-CN")
    kept, wrong = usable(Asked("H001", "2026-02-31", "0001-01-01", "P99"), who, ["P01"])
    assert (kept, len(wrong)) == (Asked("H001", "", "", ""), 3)
    asked = Asked("H001", "2026-11-21", "", "P01")
    assert usable(asked, who, ["P01"]) == (asked, [])


def test_every_string_is_there_in_both_languages() -> None:
    assert all(zh.strip() and en.strip() for zh, en in CUSTOMER.values())
    assert {f"none_{part}" for part in ORDER} <= CUSTOMER.keys()
