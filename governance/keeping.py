"""Personal values of many new people at once, for large imports; everybody else goes through `vault.keep`."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from governance.keys import KEY_BYTES, Vault, encrypt, keyed
from governance.tables import people, personal_values
from governance.vault import normal

ROWS_A_QUERY = 400

Kept = tuple[str, Mapping[str, str], str]  # person, values and the passport that they came with


def keep_new(tx: Connection, vault: Vault, wanted: Sequence[Kept], *, now: datetime) -> set[tuple[str, str]]:
    """
    Put away the first values of every person that is not known at all, neither as living nor as forgotten.

    Returns whom with which passport; the rest of `wanted` is the caller's to `keep`, which compares versions.
    """
    first = {person: (values, passport) for person, values, passport in reversed(wanted)}
    ids = list(first)
    parts = (ids[start : start + ROWS_A_QUERY] for start in range(0, len(ids), ROWS_A_QUERY))
    known = {each for part in parts for each in tx.scalars(select(people.c.person).where(people.c.person.in_(part)))}
    keys = {person: secrets.token_bytes(KEY_BYTES) for person in ids if person not in known}
    if not keys:
        return set()
    wrapped = {person: encrypt(vault.wrap_key, key, person) for person, key in keys.items()}
    tx.execute(
        insert(people), [{"person": person, "wrapped_key": key, "created_at": now} for person, key in wrapped.items()]
    )
    rows = [
        {
            "person": person,
            "field": name,
            "version": 1,
            "sealed": encrypt(key, value.encode(), f"{person}.{name}.1"),
            "lookup": keyed(vault.lookup_key, name, normal(name, value)),
            "passport": first[person][1],
            "kept_at": now,
        }
        for person, key in keys.items()
        for name, value in first[person][0].items()
        if value
    ]
    if rows:
        tx.execute(insert(personal_values), rows)
    return {(person, first[person][1]) for person in keys}
