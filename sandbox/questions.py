"""What an evaluation asks: held-out samples, golden cases of each stage, and a few prompts that were trained on."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from eval.jsonl import BadData, at
from eval.scoring import Asked
from eval.script import CASES, Case, read_cases
from governance.errors import BadProfile, Language
from rag.company import GROUPS, Company, PhraseBook
from sandbox.dataset import Dataset, questions
from sandbox.prompt import HEAD, SectionTask, join, section_prompt, section_task
from sandbox.samples import Sample

SECTIONS, EXTRACTIVE, PROBES = 40, 8, 8  # held-out questions of a kind, and prompts that were trained on
GOLDEN = "golden/stages"  # in the company's folder: per stage a folder with the cases.jsonl of `python -m eval script`


Part = Literal["heldout", "golden", "probe"]


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt, the answer that the plan or the document gives, and what is counted."""

    id: str
    part: Part
    stage: str  # empty for a question about a document
    language: Language
    prompt: str
    answer: str
    asked: Asked

    @property
    def is_section(self) -> bool:
        return self.asked.section is not None


def heldout_questions(company: Company, dataset: Dataset, stage: str = "") -> list[Question]:
    """Spread evenly over section types and languages; the same for the same data set. `stage`: its sections only."""
    wanted = set(company.phrases.stages[stage].sections) if stage else set(company.phrases.sections)
    kept = tuple(sample for sample in dataset.heldout if sample.section is None or sample.section in wanted)
    found = questions(replace(dataset, heldout=kept), sections=SECTIONS, extractive=EXTRACTIVE)
    return [_question(company.phrases, sample, "heldout") for sample in found]


def probe_questions(company: Company, dataset: Dataset, stage: str = "") -> list[Question]:
    """Prompts of training rows: what would come out of them if a row's own content did."""
    wanted = set(company.phrases.stages[stage].sections) if stage else set(company.phrases.sections)
    chosen = sorted((sample for sample in dataset.train if sample.section in wanted), key=lambda sample: sample.id)
    return [_question(company.phrases, sample, "probe") for sample in chosen[:PROBES]]


def golden_questions(company: Company, only: str = "") -> list[Question]:
    """The company's own cases per stage; none when it has no such folder. Raises BadProfile with the file and line."""
    found: list[Question] = []
    for stage in [only] if only else company.phrases.stages:
        folder = company.folder / GOLDEN / stage
        if not (folder / CASES).is_file():
            continue
        try:
            for case in read_cases(folder):
                if case.stage != stage:
                    raise at(CASES, case.line, f"阶段应为 {stage}", f"the stage must be {stage}")
                found.append(_golden(company.phrases, case))
        except BadData as wrong:
            path = f"{GOLDEN}/{stage}/{CASES}"
            raise BadProfile(path=path, reason={"zh": wrong.zh, "en": wrong.en}) from wrong
    return found


def task_of(book: PhraseBook, case: Case) -> SectionTask:
    """The task of a case; raises BadData for a stage, section or group that the phrase book does not have."""
    if case.stage not in book.stages or case.section not in book.sections:
        named = f"{case.stage} / {case.section}"
        raise at(CASES, case.line, f"话术库中没有 {named}", f"the phrase book has no {named}")
    known = {*GROUPS, *(f"must_{name}" for name in book.must_say)}
    if unknown := sorted({*case.groups, *case.disputed} - known):
        raise at(CASES, case.line, f"未知的事实组 {unknown[0]}", f"unknown group {unknown[0]}")
    return section_task(book, case.language, case.stage, case.section, case.groups, case.disputed)


def asked_of(book: PhraseBook, task: SectionTask) -> Asked:
    """Every placeholder of the planned moves."""
    moves = book.sections[task.section].planned(task.groups)
    return Asked(task.section, frozenset(slot for move in moves for slot in move.slots))


def stage_of(book: PhraseBook, prompt: str) -> str:
    """By the prompt's first line; empty when it names none."""
    head = prompt.partition("\n")[0]
    for stage, content in book.stages.items():
        for language in ("zh", "en"):
            colon = "：" if language == "zh" else ": "
            if head.startswith(f"{HEAD[language]}{colon}{content.name.say(language)}｜"):
                return stage
    return ""


def exam_hash(asked: Sequence[Question]) -> str:
    """Of what is asked and how it is counted."""
    content = [[each.part, each.prompt, each.answer, sorted(each.asked.expected)] for each in asked]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def _question(book: PhraseBook, sample: Sample, part: Part) -> Question:
    asked = Asked(sample.section, frozenset(sample.slots))
    stage = stage_of(book, sample.prompt) if sample.section else ""
    return Question(sample.id, part, stage, sample.language, sample.prompt, sample.answer, asked)


def _golden(book: PhraseBook, case: Case) -> Question:
    task = task_of(book, case)
    if not task.outline:
        raise at(CASES, case.line, "这些事实下没有可说的内容", "nothing can be said with these groups")
    prompt, answer = section_prompt(book, task), join(case.language, task.outline)
    key = hashlib.sha256(f"golden/{prompt}/{answer}".encode()).hexdigest()
    return Question(key, "golden", case.stage, case.language, prompt, answer, asked_of(book, task))
