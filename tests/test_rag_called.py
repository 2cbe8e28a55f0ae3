"""People by post and letter: the same person the same in every text, on every day, for every viewer without rights."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from governance.errors import Language
from governance.pseudonyms import restore
from governance.vault import forget, open_vault, token
from rag.called import STRANGERS, crew_in, crew_of, roles_of
from rag.company import Company, load_company
from rag.facts import make_fact, state_facts
from tests.statements import with_sources

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = NOW.date()
HOSPITAL, OTHER = "customer:H001", "customer:H002"
ANN, BEN, CAI, STRANGER = (f"p_{number:016x}" for number in range(1, 5))


@pytest.fixture(scope="module")
def company() -> Company:
    return load_company(Path("data_samples"))


def post(person: str, customer: str, title: str, since: date, until: date | None = None, known: datetime = NOW):
    return make_fact(
        person,
        "holds_title",
        title,
        {"customer": customer, "department": "设备科"},
        source="s_0",
        known_from=known,
        valid_from=since,
        valid_to=until,
    )


@pytest.fixture
def filled(db: Engine, tmp_path: Path) -> Engine:
    with db.begin() as tx:
        with_sources(tx, tmp_path / "source_keys")
        state_facts(
            tx,
            [
                post(ANN, HOSPITAL, "设备科主任", date(2020, 1, 1), date(2026, 3, 1)),
                post(BEN, HOSPITAL, "主任", date(2026, 3, 1)),
                post(CAI, OTHER, "采购中心主任", date(2021, 1, 1)),
            ],
        )
    return db


def crew(tx: Connection, company: Company, text: str, day: date = DAY, language: Language = "zh") -> str:
    return crew_in(tx, company, day, language, [text]).shown(text, language)


def test_people_are_called_by_the_post_of_the_day_and_keep_their_letter(filled: Engine, company: Company) -> None:
    text = f"{token(BEN, 'name')}接替{token(ANN, 'name')}，{token(BEN, 'phone')}；{token(STRANGER, 'name')}在场。"
    with filled.begin() as tx:
        assert crew(tx, company, text) == "设备科主任B接替人员A，电话B；人员1在场。"
        assert crew(tx, company, text, date(2025, 1, 1)) == "人员B接替设备科主任A，电话B；人员1在场。"
        assert crew(tx, company, token(BEN, "name")) == "设备科主任B"  # alone as among others
        assert crew(tx, company, token(ANN, "name"), date(2025, 1, 1), "en") == "Director of Medical Equipment A"
        assert crew(tx, company, f"{token(CAI, 'name')}、{token(BEN, 'name')}") == "采购中心主任A、设备科主任B"


def test_whoever_comes_later_gets_the_next_letter_and_who_withdrew_keeps_his(
    filled: Engine, company: Company, tmp_path: Path
) -> None:
    late, vault = f"p_{0:016x}", open_vault(tmp_path / "keys")
    with filled.begin() as tx:
        state_facts(tx, [post(late, HOSPITAL, "工程师", date(2026, 1, 1), known=NOW + timedelta(days=1))])
        forget(tx, vault, ANN, actor="ada", now=NOW)
        assert list(roles_of(tx, company, HOSPITAL, DAY, "zh").values()) == ["", "设备科主任", "设备科工程师"]
        assert crew(tx, company, f"{token(late, 'name')}、{token(BEN, 'name')}") == "设备科工程师C、设备科主任B"


def test_an_edited_text_finds_the_way_back_and_never_guesses(filled: Engine, company: Company) -> None:
    text = f"{token(BEN, 'name')}和{token(STRANGER, 'name')}，{token(BEN, 'name_en')}"
    with filled.begin() as tx:
        found = crew_of(tx, company, DAY, "zh", text=text, customer=HOSPITAL)
    back = found.tokens(text, "zh")
    assert back == {"设备科主任B": token(BEN, "name"), "人员1": token(STRANGER, "name")}
    assert (
        restore("请设备科主任B联系人员1，不是人员12。", back)
        == f"请{token(BEN, 'name')}联系{token(STRANGER, 'name')}，不是人员12。"
    )
    assert found.tokens(text + "设备科主任B", "zh").keys() == {"人员1"}  # what stands there already is no name


def test_without_facts_people_are_numbered(db: Engine, company: Company) -> None:
    text = f"{token(ANN, 'name')} {token(BEN, 'phone')}"
    assert STRANGERS.shown(text, "zh") == "人员1 电话2"
    with db.begin() as tx:
        assert crew(tx, company, text) == "人员1 电话2"
        assert crew_of(tx, company, DAY, "zh", customer="customer:H404").of("customer:H404") == {}
