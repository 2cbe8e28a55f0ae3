"""A data set as files: other tools read them, the name is proven from them, and what was changed is noticed."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from governance.db import open_engine, reading
from governance.errors import Conflict, Corrupt, Invalid, NotFound
from governance.ledger import events_of
from governance.settings import Settings
from governance.vault import Vault, open_vault
from sandbox.__main__ import main
from sandbox.commands_data import dataset_named
from sandbox.dataset import Dataset, keep_dataset, make_dataset
from sandbox.export import export_jsonl, verify_export
from sandbox.extractive import Text, extract_pairs
from sandbox.quarantine import quarantine
from sandbox.samples import Fuel, Sample, canonical, parse
from sandbox.tables import datasets, quarantine_decisions

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path / "keys")


def section(number: int) -> Sample:
    words = f"您好\u2028，我是第{number}位客户的代表{{rep}}。"
    return Sample("section", "zh", f"话术\n要点：\n{words}", words, ("rep",), "opening", ("p1",), f"customer:{number}")


def built() -> Dataset:
    words = ["".join(chr(0x4E00 + n * 97 + at * 31) for at in range(9)) for n in range(60)]
    texts = [
        Text(f"d{n}", "p1", "章", f"名称：{words[n]}\n说明：{words[59 - n]}", f"s{n}", n, f"{n}.md") for n in range(30)
    ]
    secret = Text("d99", "p1", "名单", "负责人：王小明\n职务：科长", "s99", 1, "名单.md")
    fuel = [Fuel("edit", section(100 + n), f"第{n}位原来的话") for n in range(8)]
    return make_dataset(
        [*(section(n) for n in range(60)), *extract_pairs([*texts, secret])],
        hostile=frozenset(),
        purposes={"p1": ("training",)},
        is_personal=lambda sample: "王小明" in sample.prompt,
        seed=0,
        fuel=fuel,
        texts=[*texts, secret],
    )


def kept(db: Engine, vault: Vault) -> Dataset:
    dataset = built()
    with db.begin() as tx:
        keep_dataset(tx, vault, dataset, "i" * 64, NOW)
    return dataset


def test_the_files_prove_the_name_and_other_tools_read_them(db: Engine, vault: Vault, tmp_path: Path) -> None:
    from datasets import disable_progress_bars, load_dataset

    dataset = kept(db, vault)
    folder = export_jsonl(db, vault, dataset.hash, tmp_path / "out", by="admin", now=NOW)
    assert verify_export(folder) == dataset.hash
    lines = (folder / "train.jsonl").read_bytes().decode().split("\n")[:-1]
    assert [parse(line) for line in lines] == list(dataset.train)
    disable_progress_bars()
    files = {name: str(folder / f"{name}.jsonl") for name in ("train", "heldout")}
    read = load_dataset("json", data_files=files, cache_dir=str(tmp_path / "cache"))
    assert {name: len(read[name]) for name in files} == {"train": len(dataset.train), "heldout": len(dataset.heldout)}
    assert read["train"]["prompt"][:] == [sample.prompt for sample in dataset.train]
    pairs = load_dataset("json", data_files=str(folder / "preferences.jsonl"), cache_dir=str(tmp_path / "cache"))
    assert set(pairs["train"].column_names) >= {"prompt", "chosen", "rejected"}
    with reading(db) as tx:
        (event,) = events_of(tx, dataset.hash)
    assert (event.actor, event.event, event.detail["train"]) == ("admin", "dataset_exported", len(dataset.train))


def test_the_same_set_exported_again_gives_the_same_files(db: Engine, vault: Vault, tmp_path: Path) -> None:
    dataset = kept(db, vault)
    first, second = (export_jsonl(db, vault, dataset.hash, tmp_path / name, by="a", now=NOW) for name in "ab")
    again = export_jsonl(db, vault, dataset.hash, first, by="a", now=NOW)
    for path in second.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes()


def test_what_was_changed_removed_or_added_in_the_files_is_noticed(db: Engine, vault: Vault, tmp_path: Path) -> None:
    dataset = kept(db, vault)
    for number, spoil in enumerate(
        (
            lambda lines: [lines[0].replace("第", "弟", 1), *lines[1:]],  # pyright: ignore[reportUnknownLambdaType]
            lambda lines: lines[1:],  # pyright: ignore[reportUnknownLambdaType]
            lambda lines: [*lines, lines[0]],  # pyright: ignore[reportUnknownLambdaType]
            lambda lines: ["{", *lines[1:]],  # pyright: ignore[reportUnknownLambdaType]
            lambda lines: [json.dumps({"prompt": "?"}), *lines[1:]],  # pyright: ignore[reportUnknownLambdaType]
        )
    ):
        folder = export_jsonl(db, vault, dataset.hash, tmp_path / str(number), by="admin", now=NOW)
        path = folder / "train.jsonl"
        lines = path.read_bytes().decode().split("\n")[:-1]
        path.write_bytes("".join(f"{line}\n" for line in spoil(lines)).encode())
        with pytest.raises(Corrupt):
            verify_export(folder)
    with pytest.raises(Corrupt):
        verify_export(tmp_path / "nowhere")


def test_a_folder_with_other_files_and_an_unknown_set_are_refused(db: Engine, vault: Vault, tmp_path: Path) -> None:
    dataset = kept(db, vault)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(Conflict):
        export_jsonl(db, vault, dataset.hash, tmp_path / "full", by="admin", now=NOW)
    with pytest.raises(NotFound):
        export_jsonl(db, vault, "0" * 64, tmp_path / "none", by="admin", now=NOW)
    assert not (tmp_path / "none").exists()


def test_the_report_says_what_of_each_document_is_used_and_why_the_rest_is_not() -> None:
    report = built().report
    assert json.loads(json.dumps(report, ensure_ascii=False)) == report
    rows = {row["name"]: row for row in report["coverage"]}
    assert rows["名单.md"]["left_out"] == {"personal": rows["名单.md"]["found"]}
    for row in rows.values():
        assert row["pairs"] + sum(row["left_out"].values()) == row["found"] > 0
    assert sum(row["pairs"] for row in rows.values()) == report["by_kind"]["extractive"]
    assert report["beyond_mix"] > 0
    assert report["preferences"] > 0


def test_by_hand_one_lists_covers_decides_and_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XINYAN_HOME", str(tmp_path / "var"))
    assert main(["datasets"]) == 0
    assert main(["coverage"]) == 2  # there is none yet
    assert "训练集" in capsys.readouterr().err
    db, vault = open_engine(Settings().database), open_vault(tmp_path / "var" / "keys")
    dataset = kept(db, vault)
    assert main(["datasets"]) == 0
    assert f"id={dataset.hash} train={len(dataset.train)}" in capsys.readouterr().out
    assert main(["coverage", "--dataset", dataset.hash[:8]]) == 0
    assert "document=名单.md section=名单" in capsys.readouterr().out
    assert main(["quarantine"]) == 0
    assert "kind=personal decision=- may=release|discard" in capsys.readouterr().out
    with reading(db) as tx:
        held = quarantine(tx, vault, dataset.hash)
    one = held[0].sample_id
    assert main(["quarantine", "--resolve", one, "release", "--reason", "公开的名单", "--by", "admin"]) == 0
    assert main(["quarantine", "--resolve", one, "release", "--reason", "再来", "--by", "admin"]) == 2
    assert main(["quarantine", "--resolve", "f" * 64, "discard", "--reason", "没有", "--by", "admin"]) == 2
    with reading(db) as tx:
        assert tx.scalar(select(func.count()).select_from(quarantine_decisions)) == 1
    assert main(["export", dataset.hash[:10], str(tmp_path / "out"), "--by", "admin"]) == 0
    assert f"id={dataset.hash}" in capsys.readouterr().out
    assert verify_export(tmp_path / "out") == dataset.hash


def test_a_beginning_that_two_sets_have_is_not_guessed(db: Engine) -> None:
    with db.begin() as tx:
        for number, name in enumerate(("ab" * 32, "ac" * 32)):
            counts = {"train": 0, "heldout": 0, "quarantined": 0, "created_at": NOW.replace(day=number + 1)}
            tx.execute(datasets.insert().values(hash=name, inputs=str(number) * 64, **counts))
        assert dataset_named(tx) == "ac" * 32
        assert dataset_named(tx, "ab") == "ab" * 32
        with pytest.raises(Invalid):
            dataset_named(tx, "a")
        with pytest.raises(NotFound):
            dataset_named(tx, "f")


def test_samples_of_earlier_versions_keep_their_hash() -> None:
    old = Sample("section", "zh", "话术", "您好", (), "opening", ("p1",), "customer:1")
    assert set(json.loads(canonical(old))) == {
        "kind",
        "language",
        "prompt",
        "answer",
        "slots",
        "section",
        "passports",
        "unit",
        "span",
    }
    assert parse(canonical(old)) == old
