"""The vault: personal values at rest, the one door to them, and what forgetting leaves behind."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from governance import ledger, passport
from governance.consent import Consent, Permit, permit, redaction_permit
from governance.db import metadata, open_engine, reading
from governance.errors import Corrupt, NotAllowed, NotFound, Withdrawn
from governance.tables import people, personal_values
from governance.vault import (
    TOKEN,
    Vault,
    find,
    flush_destroyed_keys,
    forget,
    keep,
    names,
    open_vault,
    person_id,
    pseudonymise,
    read,
    reveal,
    seal,
    token,
    unseal,
)

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
WANG = {"name": "王芳", "name_en": "Wang Fang", "phone": "+86 138-1234-5678", "note": "只在上午接电话"}


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path / "keys")


def record_passport(tx: Connection, kind: passport.Kind = "record") -> str:
    issued = passport.issue(
        tx, kind=kind, origin=f"contacts.csv#{kind}", sha256="0" * 64, purposes=["contact"], channel="crm", now=NOW
    )
    return issued.id


def allowed(*subjects: str) -> Permit:
    """A permit for the first subject, made the only way there is."""
    given_at = NOW - timedelta(days=1)
    consents = [Consent(subjects[0], "contact", given_at, None, None, "crm", None, "a")]
    return permit(subjects[0], "contact", consents, actor="rep", now=NOW, called="和平医院设备科主任")


def add(tx: Connection, vault: Vault, key: str, values: dict[str, str] | None = None) -> str:
    person = person_id(vault, key)
    keep(tx, vault, person, values or WANG, passport=record_passport(tx), now=NOW)
    return person


def test_what_is_kept_is_read_back_through_a_permit_and_leaves_an_event(db: Engine, vault: Vault) -> None:
    with db.begin() as tx:
        person = add(tx, vault, "contact:K0001")
        assert read(tx, vault, allowed(person), person) == WANG
        assert read(tx, vault, allowed(person), person, ["name", "fax"]) == {"name": "王芳"}
        events = ledger.events_of(tx, person)
        assert [event.detail["fields"] for event in events] == ["name,name_en,note,phone", "name"]
        assert events[0].actor == "rep"
        assert events[0].detail["purpose"] == "contact"
        ledger.verify(tx)


FIELDS = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)


@given(st.dictionaries(FIELDS, st.text(st.characters(codec="utf-8"), min_size=1), max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_comes_back_as_it_was(tmp_path: Path, values: dict[str, str]) -> None:
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    vault = open_vault(tmp_path / "keys")
    with engine.begin() as tx:
        person = person_id(vault, "contact:any")
        keep(tx, vault, person, values, passport=record_passport(tx), now=NOW)
        assert read(tx, vault, allowed(person), person) == values
        for field, value in values.items():
            assert find(tx, vault, field, value) == [person]
    engine.dispose()


def test_keeping_the_same_again_adds_nothing_and_another_value_is_a_new_version(db: Engine, vault: Vault) -> None:
    with db.begin() as tx:
        person = add(tx, vault, "contact:K0001")
        add(tx, vault, "contact:K0001")
        assert len(tx.execute(select(personal_values)).all()) == len(WANG)
        add(tx, vault, "contact:K0001", {"phone": "13900000000"})
        assert read(tx, vault, allowed(person), person, ["phone"]) == {"phone": "13900000000"}
        assert find(tx, vault, "phone", "13900000000") == [person]
        assert find(tx, vault, "phone", WANG["phone"]) == []
        assert len(tx.execute(select(personal_values)).all()) == len(WANG) + 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("phone", "１３８１２３４５６７８"), ("phone", "008613812345678"), ("name", "王　芳"), ("name_en", "WANG FANG")],
)
def test_people_are_found_however_the_value_is_written(db: Engine, vault: Vault, field: str, value: str) -> None:
    with db.begin() as tx:
        person = add(tx, vault, "contact:K0001")
        assert find(tx, vault, field, value) == [person]
        assert find(tx, vault, "email", value) == []


def test_a_permit_opens_only_the_person_it_names(db: Engine, vault: Vault) -> None:
    with db.begin() as tx:
        one, other = add(tx, vault, "contact:K0001"), add(tx, vault, "contact:K0002")
        with pytest.raises(NotAllowed):
            read(tx, vault, allowed(one), other)
        with pytest.raises(NotAllowed):
            read(tx, vault, redaction_permit("importer", NOW), one)
        with pytest.raises(NotAllowed):
            names(tx, vault, allowed(one))
        with pytest.raises(NotFound):
            read(tx, vault, allowed("p_0000000000000000"), "p_0000000000000000")
        assert ledger.events_of(tx, other) == []


def test_reading_needs_a_transaction_that_can_note_it(db: Engine, vault: Vault) -> None:
    with db.begin() as tx:
        person = add(tx, vault, "contact:K0001")
    with reading(db) as tx, pytest.raises(RuntimeError, match="writing transaction"):
        read(tx, vault, allowed(person), person)


def test_the_names_of_the_records_lead_to_every_bearer_and_mentions_stay_out(db: Engine, vault: Vault) -> None:
    with db.begin() as tx:
        one = add(tx, vault, "contact:K0001", {"name": "王芳", "name_en": "Wang Fang"})
        other = add(tx, vault, "contact:K0002", {"name": "王芳"})
        mention = person_id(vault, "mention:abc:李四")
        keep(tx, vault, mention, {"name": "李四"}, passport=record_passport(tx, "document"), now=NOW)
        found = names(tx, vault, redaction_permit("importer", NOW))
        assert found == {"王芳": sorted([one, other]), "Wang Fang": [one]}
        assert ledger.events_of(tx, "vault")[0].detail == {"names": 2, "purpose": "redaction"}


def test_revealing_shows_the_covered_person_and_pseudonyms_for_the_others(db: Engine, vault: Vault) -> None:
    with db.begin() as tx:
        one, other = add(tx, vault, "contact:K0001"), add(tx, vault, "contact:K0002", {"name": "李伟", "phone": "1"})
        text = f"{token(other, 'name')}、{token(one, 'name')}（{token(one, 'phone')}），{token(other, 'phone')}"
        assert reveal(tx, vault, allowed(one), text, "zh", now=NOW) == "人员1、王芳（+86 138-1234-5678），电话1"
        assert pseudonymise(text, "en") == "Person 1、Person 2（Phone 2），Phone 1"
        assert len(ledger.events_of(tx, one)) == 1
        assert ledger.events_of(tx, other) == []
        english = f"{token(other, 'name_en')} and {token(one, 'fax')} of [[p_0123456789abcdef.name]]"
        assert reveal(tx, vault, allowed(other), english, "en", now=NOW) == "李伟 and Personal detail 2 of Person 3"
        assert reveal(tx, vault, redaction_permit("x", NOW), token(one, "name"), "zh", now=NOW) == "人员1"


def test_a_forgotten_person_cannot_be_read_found_or_kept_again(db: Engine, vault: Vault) -> None:
    with db.begin() as tx:
        one, other = add(tx, vault, "contact:K0001"), add(tx, vault, "contact:K0002", {"name": "李伟"})
        forget(tx, vault, one, actor="dpo", now=NOW)
        forget(tx, vault, one, actor="dpo", now=NOW)
        with pytest.raises(Withdrawn):
            read(tx, vault, allowed(one), one)
        with pytest.raises(Withdrawn):
            keep(tx, vault, one, {"name": "王芳"}, passport=record_passport(tx), now=NOW)
        assert find(tx, vault, "phone", WANG["phone"]) == []
        assert names(tx, vault, redaction_permit("x", NOW)) == {"李伟": [other]}
        text = f"{token(one, 'name')} {token(other, 'name')}"
        assert reveal(tx, vault, allowed(other), text, "zh", now=NOW) == "【已撤回】 李伟"
        assert reveal(tx, vault, allowed(one), text, "en", now=NOW) == "[withdrawn] Person 2"
        assert pseudonymise(text, "zh") == "人员1 人员2"
        assert read(tx, vault, allowed(other), other) == {"name": "李伟"}


def test_a_person_withdrawn_before_the_first_import_is_refused_by_the_import(db: Engine, vault: Vault) -> None:
    with db.begin() as tx:
        person = person_id(vault, "contact:K0009")
        forget(tx, vault, person, actor="dpo", now=NOW)
        with pytest.raises(Withdrawn):
            add(tx, vault, "contact:K0009")


def test_no_clear_value_is_on_disk_and_no_destroyed_key_either(tmp_path: Path, db: Engine, vault: Vault) -> None:
    with db.begin() as tx:
        person = add(tx, vault, "contact:K0001")
        read(tx, vault, allowed(person), person)
        wrapped = tx.scalars(select(people.c.wrapped_key)).one()

    def on_disk() -> bytes:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert {path.name for path in files} >= {"test.db", "test.db-wal", "test.db-shm", "master.key"}
        return b"".join(path.read_bytes() for path in files)

    held = on_disk()
    for value in [*WANG.values(), "13812345678"]:
        assert value.encode() not in held
        assert value.encode("utf-16-le") not in held
    assert wrapped in held
    with db.begin() as tx:
        forget(tx, vault, person, actor="dpo", now=NOW)
    flush_destroyed_keys(db)
    assert wrapped not in on_disk()


def test_a_value_moved_to_another_person_or_altered_does_not_open(db: Engine, vault: Vault) -> None:
    with db.begin() as tx:
        one, other = add(tx, vault, "contact:K0001"), add(tx, vault, "contact:K0002", {"name": "李伟"})
        v = personal_values.c
        sealed = tx.scalars(select(v.sealed).where(v.person == one, v.field == "name")).one()
        tx.execute(personal_values.update().where(v.person == other).values(sealed=sealed))
        with pytest.raises(Corrupt):
            read(tx, vault, allowed(other), other)
        tx.execute(personal_values.update().where(v.person == one, v.field == "note").values(sealed=sealed))
        with pytest.raises(Corrupt):
            read(tx, vault, allowed(one), one, ["note"])
        assert read(tx, vault, allowed(one), one, ["name"]) == {"name": "王芳"}


def test_another_master_key_opens_nothing(tmp_path: Path, db: Engine, vault: Vault) -> None:
    other = open_vault(tmp_path / "other")
    with db.begin() as tx:
        person = add(tx, vault, "contact:K0001")
        assert person_id(other, "contact:K0001") != person
        assert find(tx, other, "name", "王芳") == []
        with pytest.raises(Corrupt):
            read(tx, other, allowed(person), person)
    with pytest.raises(Corrupt):
        unseal(other, seal(vault, "整机保修36个月"))


def test_the_master_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    vault = open_vault(tmp_path / "keys")
    path = tmp_path / "keys" / "master.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_vault(tmp_path / "keys") == vault
    assert [each.name for each in path.parent.iterdir()] == ["master.key"]
    assert json.loads(path.read_text())["key"] not in repr(vault)
    assert "wrap_key" not in repr(vault)


@pytest.mark.parametrize(
    "content",
    [b"", b"secret", b"[]", b"{}", b"\xff\xfe", b'{"version": 1, "key": "AAAA"}', b'{"version": 1, "key": 7}'],
)
def test_a_malformed_key_file_stops_everything_and_is_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "master.key").write_bytes(content)
    with pytest.raises(Corrupt, match="master key"):
        open_vault(tmp_path)
    assert (tmp_path / "master.key").read_bytes() == content


@given(st.text(st.characters(codec="utf-8"), max_size=200))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_sealed_passage_comes_back_and_never_looks_the_same_twice(tmp_path: Path, text: str) -> None:
    vault = open_vault(tmp_path / "keys")
    assert unseal(vault, seal(vault, text)) == text
    assert seal(vault, text) != seal(vault, text)


def test_an_altered_passage_is_refused(vault: Vault) -> None:
    blob = bytearray(seal(vault, "整机保修36个月"))
    blob[-1] ^= 1
    with pytest.raises(Corrupt):
        unseal(vault, bytes(blob))
    with pytest.raises(Corrupt):
        unseal(vault, b"short")


def test_a_token_is_written_the_way_it_is_recognised(vault: Vault) -> None:
    person = person_id(vault, "contact:K0001")
    match = TOKEN.fullmatch(token(person, "name_en"))
    assert match is not None
    assert match.groups() == (person, "name_en")
    assert pseudonymise("没有任何个人信息 [[p_1.name]]", "zh") == "没有任何个人信息 [[p_1.name]]"
