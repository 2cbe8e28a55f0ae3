"""Personal values: encrypted under one key per person, found by keyed hash, read through one door, forgettable."""

import re
import secrets
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from governance import ledger
from governance.consent import REDACTION, Permit
from governance.errors import Language, NotAllowed, NotFound, Withdrawn
from governance.keys import (
    KEY_BYTES,
    Vault,
    decrypt,
    encrypt,
    keyed,
    open_vault,
    seal,
    seal_bytes,
    unseal,
    unseal_bytes,
)
from governance.pseudonyms import NAME_FIELDS, NOBODY, TOKEN, Namer, pseudonymise, token
from governance.tables import passports, people, personal_values

__all__ = [
    "TOKEN",
    "Vault",
    "bearers",
    "bearers_of_one",
    "find",
    "flush_destroyed_keys",
    "forget",
    "forgotten",
    "keep",
    "names",
    "open_vault",
    "person_id",
    "pseudonymise",
    "read",
    "reveal",
    "seal",
    "seal_bytes",
    "token",
    "unseal",
    "unseal_bytes",
]

FORGOTTEN: Mapping[Language, str] = {"zh": "【已撤回】", "en": "[withdrawn]"}


def normal(field_name: str, value: str) -> str:
    """How a value is compared: half-width, lower case, no spaces; a telephone number also without +86 and dashes."""
    text = re.sub(r"\s+", "", unicodedata.normalize("NFKC", value)).casefold()
    return (re.sub(r"^(?:\+|00)86|[^0-9+]", "", text) if field_name == "phone" else "") or text


def person_id(vault: Vault, natural_key: str) -> str:
    """
    A stable id that tells nothing without the key.

    The natural key is such as "contact:K0012" or "mention:<document>:<value>".
    """
    return "p_" + keyed(vault.person_key, natural_key)[:16]


def _gone(person: str) -> Withdrawn:
    return Withdrawn(what={"zh": f"人员 {person} 的资料", "en": f"The data of person {person}"}, person=person)


def _data_key(tx: Connection, vault: Vault, person: str) -> bytes | None:
    """The person's key, None for an unknown person; raises Withdrawn for a forgotten one."""
    row = tx.execute(select(people.c.wrapped_key, people.c.forgotten_at).where(people.c.person == person)).one_or_none()
    if row is None:
        return None
    if row.forgotten_at is not None or row.wrapped_key is None:
        raise _gone(person)
    return decrypt(vault.wrap_key, row.wrapped_key, person)


def _newest(tx: Connection, person: str) -> list[Row[str, int, bytes]]:
    v = personal_values.c
    newest = (
        select(v.field, func.max(v.version).label("version")).where(v.person == person).group_by(v.field).subquery()
    )
    match = (v.field == newest.c.field) & (v.version == newest.c.version) & (v.person == person)
    return list(tx.execute(select(v.field, v.version, v.sealed).join(newest, match).order_by(v.field)).all())


def _open(key: bytes, person: str, row: Row[str, int, bytes]) -> str:
    return decrypt(key, row.sealed, f"{person}.{row.field}.{row.version}").decode()


def keep(tx: Connection, vault: Vault, person: str, values: Mapping[str, str], *, passport: str, now: datetime) -> None:
    """
    Put values of a person away; the person and the key are made on first use.

    An equal value is not kept twice, another value is a new version of the field. Raises Withdrawn for a forgotten
    person: what was withdrawn does not come back with the next import.
    """
    key = _data_key(tx, vault, person)
    if key is None:
        key = secrets.token_bytes(KEY_BYTES)
        wrapped = encrypt(vault.wrap_key, key, person)
        tx.execute(insert(people).values(person=person, wrapped_key=wrapped, created_at=now))
    known = {row.field: row for row in _newest(tx, person)}
    for name, value in values.items():
        row = known.get(name)
        if not value or (row and _open(key, person, row) == value):
            continue
        version = row.version + 1 if row else 1
        tx.execute(
            insert(personal_values).values(
                person=person,
                field=name,
                version=version,
                sealed=encrypt(key, value.encode(), f"{person}.{name}.{version}"),
                lookup=keyed(vault.lookup_key, name, normal(name, value)),
                passport=passport,
                kept_at=now,
            )
        )


def find(tx: Connection, vault: Vault, field: str, value: str) -> list[str]:
    """The people whose valid value of `field` is this one; decrypts nothing."""
    v, later = personal_values, personal_values.alias()
    newer = select(later.c.version).where(
        later.c.person == v.c.person, later.c.field == v.c.field, later.c.version > v.c.version
    )
    match = v.c.lookup == keyed(vault.lookup_key, field, normal(field, value))
    return list(tx.scalars(select(v.c.person).where(match, ~newer.exists()).order_by(v.c.person)))


def read(
    tx: Connection,
    vault: Vault,
    permit: Permit,
    person: str,
    fields: Sequence[str] | None = None,
    *,
    now: datetime | None = None,
) -> dict[str, str]:
    """
    The one door to personal values: those of `fields` that are known (None: all), noted in the ledger.

    Needs a writing transaction. `now` None means the moment of the permit. Raises NotAllowed when the permit does not
    name the person, NotFound for an unknown one, Withdrawn for a forgotten one.
    """
    if permit.purpose == REDACTION or not permit.covers(person):
        action = {"zh": f"读取人员 {person} 的个人资料", "en": f"read the personal data of {person}"}
        raise NotAllowed(user=permit.actor, action=action)
    key = _data_key(tx, vault, person)
    if key is None:
        raise NotFound(kind={"zh": "人员", "en": "person"}, name=person)
    rows = [row for row in _newest(tx, person) if fields is None or row.field in fields]
    detail = {"purpose": permit.purpose, "basis": permit.basis, "fields": ",".join(row.field for row in rows)}
    moment = now or permit.granted_at
    ledger.append(tx, actor=permit.actor, event="read", subject=person, detail=detail, now=moment)
    return {row.field: _open(key, person, row) for row in rows}


def names(tx: Connection, vault: Vault, permit: Permit, *, now: datetime | None = None) -> dict[str, list[str]]:
    """
    Every name in the records → the people who bear it, for the redactor; needs a redaction permit.

    People who are only mentioned in documents are left out: one name in two documents may be two people.
    """
    if permit.purpose != REDACTION:
        action = {"zh": "读取全部姓名", "en": "read all names"}
        raise NotAllowed(user=permit.actor, action=action)
    v = personal_values.c
    rows = tx.execute(
        select(v.person, v.field, v.version, v.sealed, people.c.wrapped_key)
        .join(people, people.c.person == v.person)
        .join(passports, passports.c.id == v.passport)
        .where(v.field.in_(NAME_FIELDS), passports.c.kind == "record", people.c.forgotten_at.is_(None))
        .order_by(v.person, v.version)
    ).all()
    found: dict[str, list[str]] = {}
    for row in rows:  # earlier versions too: an old document uses the old name
        key = decrypt(vault.wrap_key, row.wrapped_key, row.person)
        name = decrypt(key, row.sealed, f"{row.person}.{row.field}.{row.version}").decode()
        bearers = found.setdefault(name, [])
        if row.person not in bearers:
            bearers.append(row.person)
    detail = {"purpose": permit.purpose, "names": len(found)}
    moment = now or permit.granted_at
    ledger.append(tx, actor=permit.actor, event="read_names", subject="vault", detail=detail, now=moment)
    return found


def forget(tx: Connection, vault: Vault, person: str, *, actor: str, now: datetime) -> None:
    """
    Destroy the person's key, values and lookup hashes; only the id stays, so that nothing is ever kept under it again.

    An id that was never kept is barred as well. After the commit call `flush_destroyed_keys`.
    """
    values = {"wrapped_key": None, "forgotten_at": now}
    if not tx.execute(update(people).where(people.c.person == person).values(**values)).rowcount:
        tx.execute(insert(people).values(person=person, created_at=now, **values))
    removed = tx.execute(delete(personal_values).where(personal_values.c.person == person)).rowcount
    ledger.append(tx, actor=actor, event="forget", subject=person, detail={"values": removed}, now=now)


def bearers(tx: Connection) -> dict[str, set[str]]:
    """Passport of a record → the people whose values came with it; reads no value."""
    v = personal_values.c
    query = (
        select(v.passport, v.person).join(passports, passports.c.id == v.passport).where(passports.c.kind == "record")
    )
    found: dict[str, set[str]] = {}
    for row in tx.execute(query.distinct()):
        found.setdefault(row.passport, set()).add(row.person)
    return found


def bearers_of_one(tx: Connection, fields: Collection[str]) -> list[set[str]]:
    """The groups of people, none forgotten, that share one value of these fields; compares hashes, reads no value."""
    v = personal_values.c
    living = select(people.c.person).where(people.c.forgotten_at.is_(None))
    query = select(v.lookup, v.person).where(v.field.in_(fields), v.person.in_(living))
    found: dict[str, set[str]] = {}
    for row in tx.execute(query.distinct()):
        found.setdefault(row.lookup, set()).add(row.person)
    return [group for group in found.values() if len(group) > 1]


def forgotten(tx: Connection) -> frozenset[str]:
    """Everybody whose key was destroyed."""
    return frozenset(tx.scalars(select(people.c.person).where(people.c.forgotten_at.is_not(None))))


def flush_destroyed_keys(engine: Engine) -> None:
    """Empty SQLite's write-ahead log, where a destroyed key would otherwise lie until the log is used again."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def reveal(
    tx: Connection,
    vault: Vault,
    permit: Permit,
    text: str,
    language: Language,
    *,
    now: datetime,
    roles: Mapping[str, str] = NOBODY,
) -> str:
    """
    The text as the holder of the permit may see it: values of the people it covers, pseudonyms for all others.

    One read and one ledger event per person (a writing transaction). Forgotten people are shown as withdrawn. A name
    that is not known in the language asked for is given in the other one. `roles` as in pseudonymise.
    """
    namer = Namer(text, roles)
    mentioned = dict.fromkeys(match[1] for match in TOKEN.finditer(text))
    state = select(people.c.person, people.c.forgotten_at).where(people.c.person.in_(mentioned))
    forgotten: dict[str, datetime | None] = {row.person: row.forgotten_at for row in tx.execute(state)}
    known: dict[str, dict[str, str]] = {}
    for person in mentioned:
        if person in forgotten and forgotten[person] is None and permit.purpose != REDACTION and permit.covers(person):
            wanted = {match[2] for match in TOKEN.finditer(text) if match[1] == person}
            fields = wanted.union(NAME_FIELDS) if wanted.intersection(NAME_FIELDS) else wanted
            known[person] = read(tx, vault, permit, person, sorted(fields), now=now)

    def shown(match: re.Match[str]) -> str:
        person, name = match[1], match[2]
        if forgotten.get(person) is not None:
            return FORGOTTEN[language]
        alternatives = (name, *NAME_FIELDS) if name in NAME_FIELDS else (name,)
        values = (known[person].get(each) for each in alternatives) if person in known else ()
        return next((value for value in values if value), namer.call(person, name, language))

    return TOKEN.sub(shown, text)
