"""The data set as the admin reads it: counts, coverage, what was kept back, and the tokens that teach."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from assistant import dataset_view
from assistant.parts import Parts
from assistant.sample_view import chat_of, pieces_of, sample_page, token_counts
from governance.settings import Settings
from governance.vault import open_vault
from rag.company import load_company
from sandbox.dataset import Dataset, keep_dataset, make_dataset
from sandbox.preflight import IGNORED, encode
from sandbox.quarantine import resolve
from sandbox.samples import Sample
from tests.tiny_model import END, save_tiny_model

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "base")


@pytest.fixture
def parts(db: Engine, tmp_path: Path, base: Path) -> Parts:
    company = load_company(Path(__file__).resolve().parent.parent / "data_samples")
    settings = Settings(home=tmp_path, base_model=str(base))
    return Parts(settings, db, open_vault(tmp_path / "keys"), company)


def sample(number: int, **changes: object) -> Sample:
    text = f"第{number}号设备的保养周期是多少个月？请按资料回答，编号{number * 7919}。"
    values = {"kind": "extractive", "language": "zh", "prompt": text, "answer": f"{number}个月{number * 31}天"}
    values |= {"slots": (), "section": None, "passports": (f"p{number}",), "unit": f"document{number}"}
    return Sample(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def dataset(db: Engine, parts: Parts) -> Dataset:
    samples = [sample(number) for number in range(40)] + [sample(99, answer="联系人13800000000")]
    purposes = {f"p{number}": ("training",) for number in range(40)} | {"p99": ("training",)}
    made = make_dataset(
        [*samples, sample(98, passports=("unknown",))],
        hostile=frozenset(),
        purposes=purposes,
        is_personal=lambda each: "138" in each.answer,
        seed=0,
    )
    with db.begin() as tx:
        keep_dataset(tx, parts.vault, made, "i" * 64, NOW)
    return made


def test_before_the_first_data_set_there_is_nothing(parts: Parts) -> None:
    assert dataset_view.summary(parts, "zh-CN") is None
    assert dataset_view.held_page(parts, "zh-CN", "").rows == ()


def test_the_summary_counts_what_is_in_the_set(parts: Parts, dataset: Dataset) -> None:
    for asked in ("", dataset.hash, "nonsense"):
        seen = dataset_view.summary(parts, "zh-CN", asked)
        assert seen is not None
        assert (seen.hash, seen.train, seen.heldout) == (dataset.hash, len(dataset.train), len(dataset.heldout))
    assert seen is not None
    assert [(share.name, share.count) for share in seen.kinds] == [("资料问答", len(dataset.samples))]
    assert sum(share.percent for share in seen.languages) == pytest.approx(100)


def test_what_was_kept_back_can_be_let_through_only_when_it_may_be_a_false_alarm(
    db: Engine, parts: Parts, dataset: Dataset
) -> None:
    page = dataset_view.held_page(parts, "zh-CN", dataset.hash)
    assert [(row.kind, row.resolvable) for row in page.rows] == [("personal", True), ("purpose", False)]
    assert page.undecided == 2
    with db.begin() as tx:
        resolve(tx, page.rows[0].sample, "release", reason="an example number", by="admin", now=NOW)
    after = dataset_view.held_page(parts, "zh-CN", dataset.hash)
    assert [(row.kind, row.decision) for row in after.rows] == [("purpose", ""), ("personal", "release")]
    assert [kind.name for kind in after.kinds] == ["purpose"]
    assert [row.kind for row in dataset_view.held_page(parts, "en", dataset.hash, "purpose", 99).rows] == ["purpose"]
    with db.begin() as tx:
        assert dataset_view.undecided(tx, parts, dataset.hash, "") == [after.rows[0].sample]
        assert dataset_view.undecided(tx, parts, dataset.hash, "personal") == []


def test_coverage_is_a_share_of_sections_and_says_why_the_rest_gave_nothing() -> None:
    rows = [
        {"document": "d1", "name": "手册.pdf", "section": "保养", "passages": 3, "pairs": 2, "left_out": {}},
        {"document": "d1", "name": "手册.pdf", "section": "目录", "passages": 1, "pairs": 0},
        {"document": "d2", "section": "", "passages": 9, "pairs": 0, "left_out": {"personal": 2, "new_reason": 1}},
    ]
    seen = dataset_view.coverage(rows, "zh-CN")
    assert [(each.name, each.percent, each.pairs, each.passages) for each in seen] == [
        ("d2", 0, 0, 9),
        ("手册.pdf", 50, 2, 4),
    ]
    assert seen[0].sections[0].left_out == "个人信息 2；new_reason 1"


def test_the_tokens_read_as_the_conversation_and_only_the_answer_teaches(base: Path) -> None:
    chat = chat_of(base)
    row = encode(chat, "请问您现在方便接电话吗？🙂", "方便，质保36个月。")
    pieces = pieces_of(chat, row.ids, row.labels)
    whole = "".join(piece.text for piece in pieces)
    assert "\ufffd" not in whole
    assert "请问您现在方便接电话吗？🙂" in whole
    assert "".join(piece.text for piece in pieces if piece.taught) == f"方便，质保36个月。{END}"
    assert len([label for label in row.labels if label != IGNORED]) >= sum(piece.taught for piece in pieces)


def test_samples_are_paged_and_a_page_that_is_not_there_is_the_last(parts: Parts, dataset: Dataset) -> None:
    first = sample_page(parts, dataset.hash, "train", 1, "zh")
    last = sample_page(parts, dataset.hash, "train", 10_000, "zh")
    assert (first.page, last.page) == (1, last.pages)
    assert first.total == len(dataset.train)
    assert all(row.taught and row.tokens > row.taught for row in (*first.rows, *last.rows))
    assert sample_page(parts, "nonsense", "train", 1, "zh").rows == ()


def test_lengths_are_counted_in_tokens(base: Path) -> None:
    short, long = token_counts(base, ["您好", "您好" * 50])
    assert short < long
    assert token_counts(base, []) == []
