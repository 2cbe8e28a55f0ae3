"""Building a data set from the evidence: what makes it another one, and what a person's decision changes."""

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from governance.db import reading
from governance.errors import Unavailable
from governance.ledger import verify
from governance.outgoing import Endpoint
from governance.vault import Vault, open_vault
from rag.company import Company, load_company
from rag.sources import passages
from sandbox.dataset import Dataset
from sandbox.pipeline import build_dataset
from sandbox.quarantine import quarantine, resolve
from sandbox.samples import Fuel, Sample
from sandbox.tables import dataset_passports, datasets
from tests.test_sandbox_pipeline import Redactor, fill_house

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path / "keys")


@pytest.fixture
def company() -> Company:
    return load_company(Path(__file__).resolve().parent.parent / "data_samples")


@pytest.fixture
def house(db: Engine, vault: Vault) -> Engine:
    fill_house(db, vault)
    return db


def built(db: Engine, vault: Vault, company: Company, **changes: Any) -> Dataset:
    return build_dataset(db, vault, company, Redactor(), **{"now": NOW, **changes})


def test_from_no_evidence_comes_an_empty_set(db: Engine, vault: Vault, company: Company) -> None:
    dataset = built(db, vault, company)
    assert (dataset.samples, dataset.quarantined, dataset.report["coverage"]) == ((), (), [])
    assert built(db, vault, company) == dataset


def test_every_sample_leads_back_to_passport_document_page_and_characters(
    house: Engine, vault: Vault, company: Company
) -> None:
    dataset = built(house, vault, company)
    with reading(house) as tx:
        found = {source.id: source for source in passages(tx, vault)}
        known = set(tx.scalars(select(dataset_passports.c.passport)))
    asked = [sample for sample in dataset.samples if sample.kind == "extractive"]
    assert asked
    for sample in asked:
        source = found[sample.source]
        assert (sample.document, sample.page) == (source.document, source.page)
        assert source.passport in sample.passports
        assert sample.place is not None
        assert source.text[slice(*sample.place)].strip()
    assert {passport for sample in dataset.samples for passport in sample.passports} <= known


def test_a_release_lets_the_sample_into_the_next_set_and_the_old_one_stays(
    house: Engine, vault: Vault, company: Company
) -> None:
    first = built(house, vault, company)
    with house.begin() as tx:
        held = [each for each in quarantine(tx, vault, first.hash) if each.kind == "personal"]
        for each in held:
            resolve(tx, each.sample_id, "release", reason="产品代号", by="admin", now=NOW)
    second = built(house, vault, company)
    assert held
    assert second.hash != first.hash
    assert {each.sample_id for each in held} & {sample.id for sample in second.samples}
    assert not [each for each in second.quarantined if each.kind == "personal"]
    with reading(house) as tx:
        assert set(tx.scalars(select(datasets.c.hash))) == {first.hash, second.hash}
        verify(tx)


def test_another_moment_with_the_same_consents_is_the_same_set(house: Engine, vault: Vault, company: Company) -> None:
    assert built(house, vault, company) == built(house, vault, company, now=NOW + timedelta(days=1))


def test_what_people_gave_back_makes_another_set(house: Engine, vault: Vault, company: Company) -> None:
    plain = built(house, vault, company)
    passport = plain.train[0].passports
    words = "您好，今天想先听听您这边的安排。"
    sample = Sample("section", "zh", "话术：首次｜开场\n要点：\n您好。", words, (), "opening", passport, "customer:H1")
    fed = built(house, vault, company, fuel=[Fuel("edit", sample, "您好，聊聊？", 2.0)])
    assert fed.hash != plain.hash
    assert [s.answer for s in fed.samples if s.kind == "fuel"] in ([words], [words, words])
    assert built(house, vault, company) == plain
    barred = built(house, vault, company, fuel=[Fuel("edit", Sample(**_fields(sample, passports=())), "您好，聊聊？")])
    assert {each.kind for each in barred.quarantined if each.sample.kind == "fuel"} == {"purpose"}


def _fields(sample: Sample, **changes: Any) -> dict[str, Any]:
    return {**{name: getattr(sample, name) for name in sample.__slots__}, **changes}


def test_an_endpoint_that_is_down_stops_the_build_and_leaves_no_set(
    house: Engine, vault: Vault, company: Company
) -> None:
    with pytest.raises(Unavailable):
        built(house, vault, company, endpoint=Endpoint("http://127.0.0.1:9/v1", "m", timeout_s=2.0))
    with reading(house) as tx:
        assert tx.scalar(select(datasets.c.hash)) is None


def test_only_what_passed_the_gates_is_sent_away_and_the_yield_is_reported(
    house: Engine, vault: Vault, company: Company
) -> None:
    seen: list[str] = []

    class Deaf(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"not json")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Deaf)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        where = Endpoint(f"http://127.0.0.1:{server.server_port}/v1", "m", timeout_s=10.0)
        dataset = built(house, vault, company, endpoint=where)
    finally:
        server.shutdown()
        server.server_close()
    assert seen
    assert not any("王小明" in body or "忽略" in body or "[[p_" in body for body in seen)
    result = dataset.report["rewriting"]
    assert (result["accepted"], result["failed"], result["malformed"]) == (0, result["asked"], len(seen))
    assert dataset.samples
