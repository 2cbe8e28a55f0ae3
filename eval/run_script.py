"""Suite `script`: sections written by the released adapter and by the untuned base, or given outputs, scored."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from sqlalchemy import Engine as Database

from assistant.parts import open_parts, silent, utc_now
from eval.jsonl import BadData
from eval.scoring import Phrasing, Wording
from eval.script import figures_by, metrics_of, read_cases
from governance.db import reading
from governance.errors import Language, Unavailable
from governance.settings import Settings
from rag.company import PhraseBook, load_company
from sandbox import pipeline
from sandbox.engine import Engine, Prompt
from sandbox.evaluation import evaluate
from sandbox.prompt import section_prompt
from sandbox.questions import asked_of, task_of
from sandbox.release import Adapter, released_adapter

BATCH = 16  # prompts generated together
LONGEST = 160  # tokens of a section


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    return _cases(data, settings) if data else _heldout(settings)


def _cases(data: Path, settings: Settings) -> dict[str, Any]:
    """The outputs of the cases, else what the released adapter and the untuned base (suffix _base) write for them."""
    cases = read_cases(data)
    book = _phrases(data, settings)
    tasks = [task_of(book, case) for case in cases]
    asked = [asked_of(book, task) for task in tasks]
    of_language = {each: _phrasing(book, each) for each in ("zh", "en")}
    phrasings = [of_language[case.language] for case in cases]
    if all(case.output is not None for case in cases):
        outputs = [(case.output or "", case.stopped) for case in cases]
        return metrics_of(figures_by(asked, outputs, phrasings))
    metrics: dict[str, Any] = {}
    engine, adapter = _writer(settings)
    for name, suffix in ((adapter, ""), (None, "_base")):
        prompts = [Prompt(section_prompt(book, task), name) for task in tasks]
        written = [
            (each.text, each.stopped)
            for start in range(0, len(prompts), BATCH)
            for each in engine.generate(prompts[start : start + BATCH], max_new_tokens=LONGEST)
        ]
        metrics |= metrics_of(figures_by(asked, written, phrasings), suffix)
    return metrics


def _heldout(settings: Settings) -> dict[str, Any]:
    """The part of the company's own dataset that was held out: the released adapter, and the untuned base as _base."""
    parts = open_parts(settings)
    adapter = _released(parts.db)
    dataset = pipeline.build_dataset(parts.db, parts.vault, parts.company, parts.redactor, now=utc_now())
    found = evaluate(
        parts.db,
        parts.vault,
        parts.engine,
        parts.company,
        parts.redactor,
        dataset,
        adapter,
        now=utc_now(),
        on_progress=silent,
    )
    return metrics_of(found.after) | metrics_of(found.before, "_base")


def _phrases(data: Path, settings: Settings) -> PhraseBook:
    """phrases.yaml beside the cases, else the company's."""
    own = data / "phrases.yaml"
    if not own.is_file():
        return load_company(settings.company).phrases
    try:
        return PhraseBook.model_validate(yaml.safe_load(own.read_text(encoding="utf-8-sig")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as wrong:
        raise BadData(f"phrases.yaml 有误：{wrong}", f"phrases.yaml is wrong: {wrong}") from wrong


def _phrasing(book: PhraseBook, language: Language) -> Phrasing:
    return Phrasing(
        Wording(section_id, move.id, wording)
        for section_id, section in book.sections.items()
        for move in section.moves
        for wording in move.wordings(language)
    )


def _writer(settings: Settings) -> tuple[Engine, str]:
    parts = open_parts(settings)
    adapter = _released(parts.db)
    parts.engine.load(adapter.hash, adapter.folder)
    return parts.engine, adapter.hash


def _released(db: Database) -> Adapter:
    with reading(db) as tx:
        adapter = released_adapter(tx)
    if adapter is None:
        what = {"zh": "已发布的适配器", "en": "a released adapter"}
        remedy = {
            "zh": "先运行 make demo；或在 cases.jsonl 中给出 output，就不需要模型",
            "en": "run make demo first; or give each case an output, then no model is needed",
        }
        raise Unavailable(what=what, remedy=remedy)
    return adapter
