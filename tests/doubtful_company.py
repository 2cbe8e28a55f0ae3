"""Facts that contradict each other, customers and people that look alike: what the knowledge page is for."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, insert

from assistant.script import Script, to_json
from assistant.tables import leads, scripts
from governance import vault as safe
from governance.keys import seal
from governance.passport import issue
from governance.vault import Vault, person_id
from rag import tables
from rag.dependants import note
from rag.facts import Fact, add_facts, make_fact
from rag.proposals import Proposal, make_proposal, propose
from rag.sources import Source, add_sources

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
HOSPITAL, TWIN, OTHER, PRODUCT = "customer:H1", "customer:H9", "customer:H2", "product:P1"
HOSTILE = "适用范围：成人监护。<script>alert(1)</script> ${document.title='hacked'}"


def document(tx: Connection, id_: str, name: str, kind: str = "export") -> None:
    tx.execute(
        insert(tables.documents).values(
            id=id_, name=name, kind=kind, language="zh", date=None, sha256="0" * 64, passport="", added_at=NOW
        )
    )
    tx.execute(insert(tables.files).values(name=name, sha256="0" * 64, profile="", document=id_, at=NOW))


def person(vault: Vault, number: str) -> str:
    return person_id(vault, f"contact:{number}")


def title(vault: Vault, number: str, source: str, since: date, known: datetime = NOW) -> Fact:
    attributes = {"customer": HOSPITAL, "department": "设备科", "decides": "yes"}
    return make_fact(
        person(vault, number),
        "holds_title",
        "设备科主任",
        attributes,
        source=source,
        known_from=known,
        valid_from=since,
        unique=True,
    )


def fill(tx: Connection, vault: Vault) -> None:
    """Three conflicts (post, price, intended use), two pairs that may be one, three proposals of two documents."""
    document(tx, "d_1", "任职.csv")
    document(tx, "d_2", "客户.csv")
    document(tx, "d_3", "培训记录.md", "md")
    passport = issue(
        tx, kind="record", origin="联系人.csv", sha256="0" * 64, channel="crm", purposes=["service"], now=NOW
    )
    for number, phone in (("K1", "13800000001"), ("K2", "13800000002"), ("K3", "138 0000 0001")):
        safe.keep(tx, vault, person(vault, number), {"name": "李静", "phone": phone}, passport=passport.id, now=NOW)
    add_sources(tx, vault, _sources(vault))
    add_facts(tx, [*_named(), *_people(vault), *_disputed(vault)])
    propose(tx, _proposed(vault), NOW)


def _sources(vault: Vault) -> list[Source]:
    row = f"联系人编号：K1\n姓名：{safe.token(person(vault, 'K1'), 'name')}\n职务：设备科主任"
    said = f"{safe.token(person(vault, 'K2'), 'name')}主任（设备科）出席了培训。"
    return [
        Source("s_row", "d_1", "任职.csv", "row", None, 7, "", date(2026, 3, 1), row),
        Source("s_said", "d_3", "培训记录.md", "passage", 2, None, "签到", date(2026, 4, 9), said),
        Source("s_use1", "d_3", "培训记录.md", "passage", 3, None, "", None, HOSTILE, hostile=True, position=1),
        Source("s_use2", "d_3", "培训记录.md", "passage", 4, None, "", None, "适用范围：新生儿监护。", position=2),
        Source("s_h1", "d_2", "客户.csv", "row", None, 2, "", None, "客户编号：H1"),
        Source("s_h9", "d_2", "客户.csv", "row", None, 9, "", None, "客户编号：H9"),
    ]


def _named() -> list[Fact]:
    first = {"registration": "12320000466007", "name_en": "Qinghe First People's Hospital", "region": "江苏"}
    return [
        make_fact(HOSPITAL, "name", "青禾市第一人民医院", first, source="s_h1", known_from=NOW),
        make_fact(TWIN, "name", "青禾市第一人民医院", {"region": "浙江"}, source="s_h9", known_from=NOW),
        make_fact(OTHER, "name", "云渚医院", source="s_h9", known_from=NOW),
        make_fact(PRODUCT, "name", "多参数病人监护仪", {"name_en": "Patient monitor"}, source="s_h1", known_from=NOW),
        make_fact(HOSPITAL, "bought", "XS-1", {"quantity": "2"}, source="s_h1", known_from=NOW),
        make_fact(HOSPITAL, "bought", "XS-2", {"quantity": "1"}, source="s_h1", known_from=NOW),
    ]


def _people(vault: Vault) -> list[Fact]:
    return [
        make_fact(
            person(vault, number),
            "works_at",
            HOSPITAL,
            {"customer": HOSPITAL, "department": department, "contact": number},
            source="s_row",
            known_from=NOW,
        )
        for number, department in (("K1", "设备科"), ("K2", "设备科"), ("K3", "采购中心"))
    ]


def _disputed(vault: Vault) -> list[Fact]:
    day, later = date(2026, 3, 1), NOW + timedelta(days=1)
    price = {"customer": HOSPITAL, "currency": "CNY", "unit": "台"}
    scope = {"language": "zh"}
    return [
        title(vault, "K1", "s_row", day),
        title(vault, "K2", "s_said", day, later),
        make_fact(PRODUCT, "price", "1360000", price, source="s_row", known_from=NOW, valid_from=day),
        make_fact(PRODUCT, "price", "1320000", price, source="s_h1", known_from=later, valid_from=day),
        make_fact(PRODUCT, "scope", "成人监护", scope, source="s_use1", known_from=NOW),
        make_fact(PRODUCT, "scope", "新生儿监护", scope, source="s_use2", known_from=later),
    ]


def _proposed(vault: Vault) -> list[Proposal]:
    post = {"customer": HOSPITAL, "department": "采购中心", "one_holder": "yes"}
    return [
        make_proposal(PRODUCT, "warranty", "36", source="s_use2", extractor="rules:warranty"),
        make_proposal(
            person(vault, "K3"),
            "holds_title",
            "采购中心主任",
            post,
            source="s_said",
            extractor="llm",
            valid_from=date(2026, 4, 9),
        ),
        make_proposal(
            HOSPITAL, "budget", "2027", {"window_from": "10", "window_to": "11"}, source="s_h1", extractor="x"
        ),
    ]


def write_script(tx: Connection, id_: str, fact: str, status: str = "approved", vault: Vault | None = None) -> None:
    """A script about the hospital whose opening rests on this fact."""
    text = Script("zh", HOSPITAL, "", "first_contact", "", NOW.date(), "", None, (), (), (), (), ())
    lead = "l_" + id_
    new = {"customer": HOSPITAL, "stage": "first_contact", "product": "", "channel": "phone", "note": b""}
    tx.execute(insert(leads).values(id=lead, created_by="rita", created_at=NOW, **new))
    values: dict[str, str | int | bytes] = {
        "language": "zh",
        "subject": "",
        "risk": "low",
        "findings": 0,
        "replaced": 0,
    }
    values["body"] = seal(vault, to_json(text)) if vault else b""
    tx.execute(insert(scripts).values(id=id_, lead=lead, status=status, created_by="rita", created_at=NOW, **values))
    note(tx, id_, "script", {"opening": [fact]}, NOW)
