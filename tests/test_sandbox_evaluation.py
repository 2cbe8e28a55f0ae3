"""A candidate beside the base and the adapter in force: asked once, resumed after a kill, judged by what it wrote."""

import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from governance.db import metadata, open_engine, reading
from governance.errors import BadProfile, Conflict, Corrupt, Invalid, NotFound
from governance.ledger import events_of, verify
from rag.company import load_company
from sandbox.answers import ROWS, Desk
from sandbox.engine import Generation, PeftEngine, Prompt
from sandbox.engine import open_engine as open_model
from sandbox.evaluation import Exam, evaluate
from sandbox.questions import golden_questions, heldout_questions, probe_questions, stage_of
from sandbox.release import Adapter
from sandbox.report import Report, report_of
from sandbox.screening import Screen
from sandbox.tables import adapters, answers, evaluations, reports
from tests.small_sandbox import NOW, SAMPLES, Redactor, Small, make_small


class Counting:
    """The real engine, and what was asked of it."""

    def __init__(self, engine: PeftEngine) -> None:
        self._engine, self.written, self.weighed = engine, list[str | None](), 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)

    def generate(self, prompts: list[Prompt], **options: object) -> list[Generation]:
        self.written += [prompt.adapter for prompt in prompts]
        return self._engine.generate(prompts, max_new_tokens=12)

    def log_probabilities(self, prompt: Prompt, answer: str) -> list[float]:
        self.weighed += 1
        return self._engine.log_probabilities(prompt, answer)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    folder = tmp_path_factory.mktemp("evaluation")
    db = open_engine(f"sqlite:///{folder / 'test.db'}")
    metadata.create_all(db)
    yield make_small(db, folder)
    db.dispose()


@pytest.fixture(scope="module")
def model(small: Small) -> PeftEngine:
    return open_model(small.base, threads=1, keys=small.home / "keys")


@pytest.fixture(scope="module")
def first(small: Small) -> Adapter:
    return small.adapter(seed=0)


@pytest.fixture
def engine(small: Small, model: PeftEngine) -> Counting:
    with small.db.begin() as tx:
        for table in (answers, evaluations, reports):
            tx.execute(delete(table))
    return Counting(model)


def measured(small: Small, engine: object, adapter: Adapter, **options: object) -> Report:
    taken = (small.db, small.vault, engine, small.company, Redactor(), small.dataset, adapter)
    return evaluate(*taken, now=NOW, **options)  # pyright: ignore[reportArgumentType]


def test_a_first_candidate_is_measured_against_the_base_and_only_once(
    small: Small, engine: Counting, first: Adapter
) -> None:
    report = measured(small, engine, first)
    assert set(report.arms) == {"base", "candidate"}
    assert report.compared is None
    assert set(report.stages) == {name for name, stage in small.company.phrases.stages.items() if stage.trained}
    assert report.golden == 60
    assert report.after.heldout_loss < report.before.heldout_loss
    assert report.after.tokens_per_s > 0
    asked = len(engine.written)
    assert engine.written.count(None) == len(report.sides) > 0
    assert asked == 2 * len(report.sides) + report.probes
    assert measured(small, engine, first) == report
    assert len(engine.written) == asked
    with reading(small.db) as tx:
        assert report_of(tx, small.vault, first.hash) == report
        assert [event.event for event in events_of(tx, first.hash)][-1] == "adapter_evaluated"
        verify(tx)


def test_a_later_candidate_is_the_only_one_that_writes(small: Small, engine: Counting, first: Adapter) -> None:
    measured(small, engine, first)
    before = len(engine.written), engine.weighed
    second = small.adapter(seed=1)
    report = measured(small, engine, second, compared=first)
    assert set(report.arms) == {"base", "released", "candidate"}
    assert report.compared == first.hash
    assert set(engine.written[before[0] :]) == {second.hash}
    exam = Exam(small.company, small.dataset)
    assert engine.weighed - before[1] == len(exam.weighed)
    again = measured(small, engine, second, compared=second)
    assert again == report
    assert len(engine.written) == before[0] + len(report.sides) + report.probes


def test_a_stopped_evaluation_goes_on_with_the_batch_it_had_begun(
    small: Small, engine: Counting, first: Adapter
) -> None:
    seen: list[int] = []

    def progress(_arm: str, done: int, _total: int) -> None:
        seen.append(done)

    with pytest.raises(Conflict):
        measured(small, engine, first, on_progress=progress, should_stop=lambda: len(seen) >= 2)
    stopped = len(engine.written)
    assert 0 < stopped <= 2 * ROWS
    report = measured(small, engine, first)
    assert len(engine.written) == 2 * len(report.sides) + report.probes
    with reading(small.db) as tx:
        assert tx.scalar(select(func.count()).select_from(reports)) == 1


def test_without_a_held_out_part_nothing_is_evaluated(small: Small, engine: Counting, first: Adapter) -> None:
    bare = replace(small, dataset=replace(small.dataset, heldout=()))
    with pytest.raises(Invalid, match="held out"):
        measured(bare, engine, first)
    assert engine.written == []


def test_an_adapter_whose_folder_is_gone_is_named(small: Small, engine: Counting, first: Adapter) -> None:
    gone = replace(first, hash="f" * 64, folder=small.home / "nowhere")
    with pytest.raises(NotFound):
        measured(small, engine, gone)
    assert engine.written == []


def test_an_adapter_that_was_changed_is_not_measured(small: Small, engine: Counting) -> None:
    other = small.adapter(seed=7)
    copy = small.home / "changed"
    shutil.copytree(other.folder, copy)
    (copy / "card.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Corrupt):
        measured(small, engine, replace(other, folder=copy))


def test_a_company_without_golden_cases_gets_its_stages_from_the_held_out_part(
    small: Small, engine: Counting, first: Adapter, tmp_path: Path
) -> None:
    report = measured(own_company(small, tmp_path), engine, first)
    assert report.golden == 0
    assert {side.stage for side in report.sides if side.stage} == set(report.stages)
    assert sum(arms["candidate"].answers for arms in report.stages.values()) == report.after.answers


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"language": "zh", "stage": "needs", "section": "opening", "groups": []}', "the stage must be proposal"),
        ('{"language": "zh", "stage": "proposal", "section": "song", "groups": []}', "has no proposal / song"),
        ('{"language": "zh", "stage": "proposal", "section": "opening", "groups": ["hat"]}', "unknown group hat"),
        ("not json", "cases.jsonl"),
    ],
)
def test_a_wrong_golden_case_is_named_with_its_file(small: Small, tmp_path: Path, line: str, said: str) -> None:
    company = own_company(small, tmp_path).company
    folder = company.folder / "golden/stages/proposal"
    folder.mkdir(parents=True)
    (folder / "cases.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(BadProfile, match=said):
        golden_questions(company)


def test_the_questions_of_a_stage_adapter_are_of_its_sections_only(
    small: Small, engine: Counting, first: Adapter
) -> None:
    sections = set(small.company.phrases.stages["negotiation"].sections)
    for asked in (heldout_questions, probe_questions):
        found = {each.asked.section for each in asked(small.company, small.dataset, "negotiation")}
        assert found <= sections | {None}
    staged = small.adapter(seed=3)
    with small.db.begin() as tx:
        tx.execute(update(adapters).where(adapters.c.hash == staged.hash).values(stage="negotiation"))
    report = measured(small, engine, staged)
    assert set(report.stages) == {"negotiation"}
    assert report.golden == 6


def test_every_held_out_section_is_given_its_stage(small: Small) -> None:
    for each in heldout_questions(small.company, small.dataset):
        assert each.stage in small.company.phrases.stages
    assert stage_of(small.company.phrases, "资料：别的\n问题：什么") == ""


def test_a_rule_that_fires_and_a_number_that_nobody_gave_are_seen(small: Small) -> None:
    screen = Screen(small.company, Redactor())
    hits = [hit for _, rule in small.company.rules() if rule.severity == "block" for hit in rule.hits]
    assert any(screen.flagged(hit, "zh") for hit in hits)
    assert not screen.flagged("您好，我是{company}的{rep}。", "zh")
    assert screen.personal("请拨打13900000000", "话术：首次联系｜开场")
    assert not screen.personal("请拨打13900000000", "资料：电话13900000000")
    assert screen.personal("王小明会来", "话术")


def test_the_approved_wordings_break_no_rule_and_hold_nobody(small: Small) -> None:
    screen = Screen(small.company, Redactor())
    for each in [*golden_questions(small.company), *heldout_questions(small.company, small.dataset)]:
        assert not screen.flagged(each.answer, each.language), each.answer
        assert not screen.personal(each.answer, each.prompt)


def test_answers_are_sealed_at_rest(small: Small, engine: Counting, first: Adapter) -> None:
    exam = Exam(small.company, small.dataset)
    written = Desk(small.db, small.vault, engine, now=NOW).write(exam.golden, None)  # pyright: ignore[reportArgumentType]
    assert set(written) == {each.id for each in exam.golden}
    with reading(small.db) as tx:
        kept = list(tx.scalars(select(answers.c.sealed)))
    assert kept
    assert all(b'"text"' not in sealed for sealed in kept)


def test_figures_survive_storage(small: Small, engine: Counting, first: Adapter) -> None:
    report = measured(small, engine, first)
    with reading(small.db) as tx:
        body = tx.scalar(select(reports.c.body))
        before = tx.scalar(select(evaluations.c.before))
    assert "NaN" not in json.dumps([body, before])
    assert all(not math.isnan(arms["candidate"].heldout_loss) for arms in report.stages.values())


def own_company(small: Small, folder: Path) -> Small:
    for name in ("company.yaml", "phrases.yaml"):
        shutil.copy(SAMPLES / name, folder / name)
    return replace(small, company=load_company(folder))
