"""The report of a candidate: the same questions to the untuned base, the adapter in force and the candidate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy import Engine as Database

from eval.scoring import Figures, Phrasing, Tally, Wording, figures, score_answer
from governance.db import reading
from governance.errors import Invalid, Language
from governance.ledger import append
from governance.vault import Vault
from rag.company import Company
from sandbox.answers import ASKED, Answer, Desk, Likelihood
from sandbox.base import Progress
from sandbox.compose import LANGUAGES
from sandbox.dataset import Dataset, inputs_hash
from sandbox.engine import Engine
from sandbox.questions import Question, exam_hash, golden_questions, heldout_questions, probe_questions
from sandbox.release import Adapter
from sandbox.report import Arm, Report, Side, find_report, judged, keep_report, plain_figures
from sandbox.screening import FindsPersonal, Screen
from sandbox.tables import adapters, evaluations, reports

MEASURE = 5  # raise it when the same answers give other figures
LOSSES = 24  # held-out questions over which the loss is taken; of golden cases over all


def evaluate(
    db: Database,
    vault: Vault,
    engine: Engine,
    company: Company,
    redactor: FindsPersonal,
    dataset: Dataset,
    adapter: Adapter,
    *,
    compared: Adapter | None = None,
    now: datetime,
    on_progress: Progress = lambda step, done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Report:
    """
    Ask what has not been asked yet, count, and keep the report; done once for an adapter and what it is compared with.

    `compared`: the adapter in force, if another one is. Raises Invalid without a held-out part, Conflict when stopped.
    """
    with reading(db) as tx:
        stage = stage_of_adapter(tx, adapter.hash)
    exam = Exam(company, dataset, stage)
    compared = None if compared is None or compared.hash == adapter.hash else compared
    measure = inputs_hash([exam.measure, compared.hash if compared else None])
    with reading(db) as tx:
        found = find_report(tx, vault, adapter.hash, measure=measure)
        if found is None and compared is None:  # one that is in force already was measured against the one before
            found = _same_exam(tx, vault, adapter.hash, exam.measure)
    if found is not None:
        return found
    for each in (adapter, compared):
        if each is not None and each.hash not in engine.loaded():
            engine.load(each.hash, each.folder)
    arms = _arms(adapter, compared)
    progress = _Progress(on_progress, len(arms) * len(exam.asked) + len(exam.probes))
    desk = Desk(db, vault, engine, now=now, on_answers=progress.took, should_stop=should_stop)
    papers = _ask(desk, exam, arms, progress)
    sheet = Sheet(company, Screen(company, redactor))
    overall, stages = _count(exam, sheet, papers)
    report = Report(
        adapter.hash,
        compared.hash if compared else None,
        measure,
        dataset.hash,
        overall,
        stages,
        golden=len(exam.golden),
        probes=len(exam.probes),
        leaks=sum(sheet.leaks(each, papers.probed[each.id]) for each in exam.probes),
        sides=_sides(exam.asked, papers.written),
        at=now,
    )
    with db.begin() as tx:
        _keep(tx, vault, report, exam.measure)
        return find_report(tx, vault, adapter.hash, measure=measure) or judged(report)


def stage_of_adapter(tx: Connection, adapter: str) -> str:
    """The stage of the funnel that it was trained for; empty: all."""
    return tx.scalar(select(adapters.c.stage).where(adapters.c.hash == adapter)) or ""


class Exam:
    """What is asked of an adapter for `stage` (empty: all); `measure` is the hash of all that decides the figures."""

    def __init__(self, company: Company, dataset: Dataset, stage: str = "") -> None:
        self.heldout = heldout_questions(company, dataset, stage)
        if not self.heldout:
            zh, en = "没有留出样本，无法评估", "nothing is held out, so nothing can be evaluated"
            raise Invalid(reason={"zh": zh, "en": en})
        self.golden = golden_questions(company, stage)
        self.probes = probe_questions(company, dataset, stage)
        self.asked = [*self.heldout, *self.golden]
        self.weighed = [*self.heldout[:LOSSES], *self.golden]
        rules = [rule.model_dump(mode="json") for _, rule in company.rules()]
        parts = [MEASURE, ASKED, exam_hash([*self.asked, *self.probes]), company.phrases.model_dump(mode="json"), rules]
        self.measure = inputs_hash(parts)

    def by_stage(self) -> dict[str, list[Question]]:
        """The golden cases of each stage; without any, the held-out sections."""
        found: dict[str, list[Question]] = {}
        for each in self.golden or [each for each in self.heldout if each.is_section]:
            found.setdefault(each.stage, []).append(each)
        return found


class Sheet:
    """Counts answers."""

    def __init__(self, company: Company, screen: Screen) -> None:
        self._screen = screen
        self._phrasing = {language: Phrasing(_wordings(company, language)) for language in LANGUAGES}

    def tally(self, question: Question, answer: Answer) -> Tally:
        """One answer."""
        return score_answer(
            answer.text,
            question.asked,
            self._phrasing[question.language],
            stopped=answer.stopped,
            flagged=self._screen.flagged(answer.text, question.language),
            personal=self.leaks(question, answer),
            language=question.language,
        )

    def leaks(self, question: Question, answer: Answer) -> bool:
        """Whether the answer holds personal data that its prompt does not."""
        return self._screen.personal(answer.text, question.prompt)


@dataclass(frozen=True, slots=True)
class _Papers:
    """All that was asked for, by arm and question; `probed` by the candidate alone."""

    written: Mapping[Arm, Mapping[str, Answer]]
    weighed: Mapping[Arm, Mapping[str, Likelihood]]
    probed: Mapping[str, Answer]


class _Progress:
    def __init__(self, tell: Progress, total: int) -> None:
        self._tell, self._total, self._done, self.arm = tell, total, 0, "base"

    def took(self, count: int) -> None:
        self._done += count
        self._tell(self.arm, self._done, self._total)


def _arms(adapter: Adapter, compared: Adapter | None) -> dict[Arm, str | None]:
    arms: dict[Arm, str | None] = {"base": None}
    if compared is not None:
        arms["released"] = compared.hash
    arms["candidate"] = adapter.hash
    return arms


def _ask(desk: Desk, exam: Exam, arms: Mapping[Arm, str | None], progress: _Progress) -> _Papers:
    written: dict[Arm, Mapping[str, Answer]] = {}
    weighed: dict[Arm, Mapping[str, Likelihood]] = {}
    for arm, writer in arms.items():
        progress.arm = arm
        written[arm] = desk.write(exam.asked, writer)
        weighed[arm] = desk.weigh(exam.weighed, writer)
    return _Papers(written, weighed, desk.write(exam.probes, arms["candidate"]))


def _count(exam: Exam, sheet: Sheet, papers: _Papers) -> tuple[dict[Arm, Figures], dict[str, dict[Arm, Figures]]]:
    """Of all arms: on the held-out part, and by stage."""
    overall: dict[Arm, Figures] = {}
    stages: dict[str, dict[Arm, Figures]] = {stage: {} for stage in exam.by_stage()}
    for arm, answers in papers.written.items():
        overall[arm], per_stage = _figures(exam, sheet, answers, papers.weighed[arm])
        for stage, found in per_stage.items():
            stages[stage][arm] = found
    return overall, stages


def _figures(
    exam: Exam, sheet: Sheet, answers: Mapping[str, Answer], weighed: Mapping[str, Likelihood]
) -> tuple[Figures, dict[str, Figures]]:
    """Of one arm: on the held-out part, and by stage."""
    tallies = {each.id: sheet.tally(each, answers[each.id]) for each in exam.asked}

    def count(asked: Sequence[Question]) -> Figures:
        loss = _loss([each for each in asked if each.id in weighed], weighed)
        speed = _speed([answers[each.id] for each in asked])
        return figures([tallies[each.id] for each in asked], heldout_loss=loss, tokens_per_s=speed)

    sections = [each for each in exam.heldout if each.is_section]
    asides = _asides([tallies[each.id] for each in exam.heldout if not each.is_section])
    return replace(count(sections), questions=asides), {stage: count(each) for stage, each in exam.by_stage().items()}


def _sides(asked: Sequence[Question], written: Mapping[Arm, Mapping[str, Answer]]) -> tuple[Side, ...]:
    return tuple(
        Side(e.id, e.stage, e.language, e.prompt, e.answer, {arm: found[e.id].text for arm, found in written.items()})
        for e in asked
    )


def _keep(tx: Connection, vault: Vault, report: Report, exam: str) -> None:
    keep_report(tx, vault, report)
    same = (evaluations.c.adapter == report.adapter) & (evaluations.c.measure == exam)
    if tx.scalar(select(evaluations.c.adapter).where(same)):
        return
    kept: dict[str, Any] = {when: plain_figures(each) for when, each in report.figures.items()}
    row = {"adapter": report.adapter, "measure": exam, "dataset": report.dataset, "at": report.at, **kept}
    tx.execute(insert(evaluations).values(**row))
    detail = {"value_copy": report.after.value_copy, "questions": len(report.sides), "report": report.hash}
    append(tx, actor="sandbox", event="adapter_evaluated", subject=report.adapter, detail=detail, now=report.at)


def _same_exam(tx: Connection, vault: Vault, adapter: str, exam: str) -> Report | None:
    for row in tx.execute(select(reports.c.measure, reports.c.compared).where(reports.c.adapter == adapter)):
        if row.measure == inputs_hash([exam, row.compared]):
            return find_report(tx, vault, adapter, measure=row.measure)
    return None


def _asides(tallies: Sequence[Tally]) -> dict[str, float]:
    """Questions about documents: a small company has too few to learn them from, and no script is written with them."""
    found = figures(tallies, heldout_loss=0.0)
    names = ("value_copy", "unsupported_values", "stop_rate", "compliance_hits", "personal_data", "language")
    return {"answers": found.answers, **{name: getattr(found, name) for name in names}} if tallies else {}


def _loss(asked: Sequence[Question], weighed: Mapping[str, Likelihood]) -> float:
    """Per token; no number when none of them was weighed."""
    count = sum(weighed[each.id].tokens for each in asked)
    return -sum(weighed[each.id].total for each in asked) / count if count else float("nan")


def _speed(answers: Sequence[Answer]) -> float:
    seconds = sum(answer.seconds for answer in answers)
    return sum(answer.tokens for answer in answers) / seconds if seconds else float("nan")


def _wordings(company: Company, language: Language) -> list[Wording]:
    return [
        Wording(section_id, move.id, text)
        for section_id, section in company.phrases.sections.items()
        for move in section.moves
        for text in move.wordings(language)
    ]
