"""Many new people at once are kept as one at a time; who is known or was forgotten is left to `keep`."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, select

from governance.consent import Permit, redaction_permit
from governance.errors import Withdrawn
from governance.keeping import keep_new
from governance.passport import issue, issue_records, passport_of
from governance.tables import people, personal_values
from governance.vault import Vault, find, forget, keep, names, open_vault, person_id

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path / "keys")


def passports(tx: Connection, *rows: int) -> list[str]:
    content = [(f"contacts.csv#{row}", secrets.token_hex(32)) for row in rows]
    return issue_records(tx, content, purposes=["retrieval"], channel="export", now=NOW)


def test_a_thousand_new_people_are_found_again_by_their_values(db: Engine, vault: Vault) -> None:
    with db.begin() as tx:
        issued = passports(tx, *range(1_000))
        wanted = [
            (
                person_id(vault, f"contact:{number}"),
                {"name": f"人{number}", "phone": f"1990{number:07d}", "note": ""},
                key,
            )
            for number, key in enumerate(issued)
        ]
        assert keep_new(tx, vault, wanted, now=NOW) == {(person, key) for person, _, key in wanted}
        assert find(tx, vault, "phone", "+86 1990-0000-777") == [wanted[777][0]]
        assert len(names(tx, vault, redaction_permit("test", NOW))) == 1_000
        assert tx.scalar(select(func.count()).select_from(personal_values)) == 2_000
        assert keep_new(tx, vault, wanted, now=NOW) == set()
        keep(tx, vault, wanted[0][0], {"name": "人0"}, passport=issued[0], now=NOW)  # an equal value is no new version
        assert tx.scalar(select(func.count()).select_from(personal_values)) == 2_000


def test_the_known_the_repeated_and_the_forgotten_are_left_to_keep(db: Engine, vault: Vault) -> None:
    with db.begin() as tx:
        one, two, three = passports(tx, 1, 2, 3)
        known, gone, new = (person_id(vault, key) for key in ("known", "gone", "new"))
        keep(tx, vault, known, {"name": "甲"}, passport=one, now=NOW)
        forget(tx, vault, gone, actor="dpo", now=NOW)
        wanted = [(known, {"name": "乙"}, one), (gone, {"name": "丙"}, two), (new, {"name": "丁"}, two)]
        wanted.append((new, {"name": "戊"}, three))
        assert keep_new(tx, vault, wanted, now=NOW) == {(new, two)}
        assert find(tx, vault, "name", "丙") == find(tx, vault, "name", "戊") == []
        assert find(tx, vault, "name", "丁") == [new]
        assert find(tx, vault, "name", "甲") == [known]
        with pytest.raises(Withdrawn):
            keep(tx, vault, gone, {"name": "丙"}, passport=two, now=NOW)
        assert tx.scalar(select(func.count()).select_from(people)) == 3


def test_passports_of_many_records_are_those_of_one_at_a_time(db: Engine) -> None:
    content = [(f"x.csv#{row}", f"{row:064x}") for row in range(900)]
    with db.begin() as tx:
        single = issue(
            tx, kind="record", origin="x.csv#5", sha256=f"{5:064x}", purposes=["b", "a"], channel="export", now=NOW
        )
        ids = issue_records(tx, content, purposes=["a", "b"], channel="export", now=NOW)
        assert ids[5] == single.id
        assert issue_records(tx, content, purposes=["a", "b"], channel="export", now=NOW) == ids
        changed = issue_records(tx, [("x.csv#5", "f" * 64)], purposes=["a"], channel="export", now=NOW)
        assert [passport_of(tx, id_).version for id_ in (ids[5], changed[0], ids[6])] == [1, 2, 1]


def test_a_permit_reads_what_was_kept_at_once(db: Engine, vault: Vault) -> None:
    from governance.vault import read

    with db.begin() as tx:
        person, (passport,) = person_id(vault, "contact:1"), passports(tx, 1)
        keep_new(tx, vault, [(person, {"name": "沈知遥", "email": "s@h.example"}, passport)], now=NOW)
        permit = Permit("rep", "contact", frozenset({person}), NOW, "consent:1")
        assert read(tx, vault, permit, person) == {"name": "沈知遥", "email": "s@h.example"}
