"""Lineage over real rows: a record's way into adapters, and back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from governance.db import metadata, open_engine
from governance.errors import NotFound
from governance.passport import issue
from sandbox.lineage import (
    adapters_of,
    count_origins,
    origins_of,
    passports_of_origin,
    passports_of_sample,
    places_of,
    uses_of,
)
from sandbox.tables import adapters, dataset_passports, dataset_samples, datasets, sample_passports

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Connection]:
    db = open_engine(f"sqlite:///{tmp_path / 'test.db'}")
    metadata.create_all(db)
    with db.begin() as connection:
        yield connection


def record(tx: Connection, origin: str, content: str = "x") -> str:
    return issue(
        tx, kind="record", origin=origin, sha256=content * 64, purposes=["training"], channel="crm", now=NOW
    ).id


def put_dataset(tx: Connection, name: str, samples: list[tuple[str, str, list[str]]]) -> None:
    """`samples`: name, part, passports."""
    counts = {"train": 0, "heldout": 0, "quarantined": 0}
    tx.execute(insert(datasets).values(hash=name, inputs=name, created_at=NOW, **counts))
    totals: dict[str, list[int]] = {}
    for position, (sample, part, passports) in enumerate(samples):
        said = {"unit": "u", "reason_zh": "", "reason_en": "", "sealed": b"", "part": part}
        row = {"dataset": name, "position": position, "sample": sample, "passports": passports, **said}
        tx.execute(insert(dataset_samples).values(**row))
        for passport in passports:
            tx.execute(insert(sample_passports).values(passport=passport, dataset=name, position=position))
            total = totals.setdefault(passport, [0, 0])
            total[0] += 1
            total[1] += part == "train"
    for passport, (held, trained) in totals.items():
        tx.execute(insert(dataset_passports).values(dataset=name, passport=passport, samples=held, trained=trained))


def put_adapter(tx: Connection, name: str, dataset: str) -> None:
    same = {"base": "b", "recipe": {}, "folder": "", "seconds": 0.0, "created_at": NOW}
    tx.execute(insert(adapters).values(hash=name, key=name, dataset=dataset, **same))


def test_a_record_is_followed_to_every_adapter_trained_with_it(tx: Connection) -> None:
    one, two = record(tx, "contacts.csv#1"), record(tx, "contacts.csv#2")
    put_dataset(tx, "d1", [("s1", "train", [one]), ("s2", "train", [one, two])])
    put_dataset(tx, "d2", [("s3", "train", [two])])
    for name, dataset in (("a1", "d1"), ("a2", "d1"), ("a3", "d2")):
        put_adapter(tx, name, dataset)
    assert adapters_of(tx, one) == ["a1", "a2"]
    assert adapters_of(tx, two) == ["a1", "a2", "a3"]
    assert [place.sample for place in places_of(tx, one, "d1")] == ["s1", "s2"]
    assert places_of(tx, one, "d2") == []


def test_a_record_that_was_only_held_out_or_quarantined_touched_no_adapter(tx: Connection) -> None:
    one = record(tx, "purchases.csv#9")
    put_dataset(tx, "d1", [("s1", "heldout", [one]), ("s2", "quarantine", [one])])
    put_adapter(tx, "a1", "d1")
    assert adapters_of(tx, one) == []
    assert [(use.samples, use.trained) for use in uses_of(tx, one)] == [(2, 0)]
    assert count_origins(tx, "a1") == 0
    assert origins_of(tx, "a1") == []
    assert [origin.passport for origin in origins_of(tx, "a1", trained_only=False)] == [one]


def test_a_dataset_that_nothing_was_trained_on_is_still_told(tx: Connection) -> None:
    one = record(tx, "purchases.csv#9")
    put_dataset(tx, "d1", [("s1", "train", [one])])
    (use,) = uses_of(tx, one)
    assert (use.adapter, use.dataset, use.touched) == (None, "d1", False)


def test_all_versions_of_a_file_are_found_and_an_unknown_one_is_none(tx: Connection) -> None:
    first, second = record(tx, "offer.docx", "a"), record(tx, "offer.docx", "b")
    assert passports_of_origin(tx, "offer.docx") == [second, first]
    assert passports_of_origin(tx, "nothing.docx") == []


def test_an_adapter_or_a_sample_that_is_not_there_is_named(tx: Connection) -> None:
    with pytest.raises(NotFound, match="nothing"):
        origins_of(tx, "nothing")
    with pytest.raises(NotFound):
        count_origins(tx, "nothing")
    with pytest.raises(NotFound):
        passports_of_sample(tx, "nothing")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sets(st.integers(0, 6), min_size=1), min_size=1, max_size=25), st.integers(1, 4))
def test_both_directions_agree_and_pages_lose_nothing(behind: list[set[int]], page: int) -> None:
    db = open_engine("sqlite://")
    metadata.create_all(db)
    with db.begin() as tx:
        known = [record(tx, f"r.csv#{n}") for n in range(7)]
        put_dataset(tx, "d", [(f"s{n}", "train", [known[r] for r in sorted(rs)]) for n, rs in enumerate(behind)])
        put_adapter(tx, "a", "d")
        used = {known[r] for rs in behind for r in rs}
        assert {passport for passport in known if adapters_of(tx, passport) == ["a"]} == used
        paged: list[str] = []
        while found := origins_of(tx, "a", after=paged[-1] if paged else "", limit=page):
            paged += [origin.passport for origin in found]
        assert paged == sorted(used)
        assert count_origins(tx, "a") == len(used)
        for number, passport in enumerate(known):
            positions: list[int] = []
            while places := places_of(tx, passport, "d", after=positions[-1] if positions else -1, limit=page):
                positions += [place.position for place in places]
            assert positions == [n for n, rs in enumerate(behind) if number in rs]
        for n, rs in enumerate(behind):
            assert sorted(passports_of_sample(tx, f"s{n}")) == sorted(known[r] for r in rs)
