"""`python -m eval SUITE [--data DIR] [--json]`: the last line of output is one JSON object with the suite's metrics."""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from eval.jsonl import BadData, at, read_lines
from eval.retrieval import DEPTH, Corpus, Query, checked, measure, read_corpus
from eval.scoring import Asked, Phrasing, Wording
from eval.script import CASES, Case, figures_by, metrics_of, read_cases
from governance.errors import Language, Unavailable, UnreadableFile, XinyanError
from governance.settings import Settings

if TYPE_CHECKING:  # torch and the parsers are imported only by the suite that needs them
    from sqlalchemy import Engine as Database

    from rag.company import PhraseBook
    from sandbox.engine import Engine
    from sandbox.prompt import SectionTask
    from sandbox.release import Adapter

BATCH = 16  # prompts generated together
LONGEST = 160  # tokens of a section


def main(argv: Sequence[str] | None = None) -> int:
    """0: measured; 2: the data cannot be used; the reason is on standard error in both languages."""
    parser = argparse.ArgumentParser(prog="python -m eval", description="评测 / measures; docs/eval.md")
    parser.add_argument("suite", choices=SUITES, metavar="SUITE", help=" | ".join(SUITES))
    parser.add_argument(
        "--data", type=Path, help="数据文件夹，格式见 docs/eval.md / a folder in the format of docs/eval.md"
    )
    parser.add_argument("--json", action="store_true", help="只输出最后的 JSON 行 / print the JSON line only")
    asked = parser.parse_args(argv)
    try:
        metrics = SUITES[asked.suite](_folder(asked.data), Settings())
    except BadData as wrong:
        print(f"{wrong.zh}\n{wrong.en}", file=sys.stderr)
        return 2
    except XinyanError as refused:
        print(f"{refused.say('zh')}\n{refused.say('en')}", file=sys.stderr)
        return 2
    if not asked.json:
        print("\n".join(_table(metrics)))
    print(json.dumps({"suite": asked.suite, "metrics": metrics}, ensure_ascii=False))
    return 0


def _folder(data: Path | None) -> Path | None:
    if data is not None and not data.is_dir():
        raise BadData(f"找不到文件夹 {data}", f"there is no folder {data}")
    return data


def _table(metrics: Mapping[str, Any], prefix: str = "") -> list[str]:
    lines: list[str] = []
    for name, value in metrics.items():
        if isinstance(value, dict):
            lines += _table(value, f"{prefix}{name}.")  # pyright: ignore[reportUnknownArgumentType]
        else:
            lines.append(f"{prefix + name:<32}{value}")
    return lines


def _retrieval(data: Path | None, settings: Settings) -> dict[str, Any]:
    from rag.vectors import index_texts

    corpus = read_corpus(data) if data else _sample_corpus(settings.company)
    index = index_texts(corpus.docs, embedding=settings.embedding)

    def search(question: str, mode: str) -> list[str]:
        hits = index.search(question, limit=DEPTH, mode=mode)  # pyright: ignore[reportArgumentType]
        return [hit.source for hit in hits]

    return measure(corpus, search)


def _sample_corpus(folder: Path) -> Corpus:
    """The company's documents as passages, and the golden questions; relevant is what holds a golden answer."""
    from rag.company import load_company
    from rag.passages import passages_of
    from rag.reading import read
    from rag.sources import Source
    from rag.vectors import indexed_text

    company = load_company(folder)
    labels = [label for names in company.file.documents.labels.values() for label in names]
    docs: dict[str, str] = {}
    of_document: dict[str, list[str]] = {}
    for path in sorted((folder / company.file.documents.folder).rglob("*")):
        if not path.is_file():
            continue
        try:
            blocks = read(path.name, path.read_bytes(), labels).blocks
        except UnreadableFile as skipped:
            print(f"{skipped.say('zh')}\n{skipped.say('en')}", file=sys.stderr)
            continue
        for number, passage in enumerate(passages_of(blocks), start=1):
            if passage.hostile:
                continue
            id_ = f"{path.name}#{number}"
            source = Source(
                id_, "", path.name, "passage", passage.page, passage.row, passage.heading, None, passage.text
            )
            docs[id_] = indexed_text(source)
            of_document.setdefault(path.name, []).append(id_)
    golden = {"id": str, "text": str, "documents": list, "answer_contains": list}
    queries: list[Query] = []
    for _, row in read_lines(folder / "golden" / "questions.jsonl", golden):
        answers = [_squeeze(answer) for answer in row["answer_contains"]]
        relevant = frozenset(
            passage
            for document in row["documents"]
            for passage in _best_passages(of_document.get(document, []), docs, answers)
        )
        if relevant:
            queries.append(Query(row["id"], row["text"], relevant))
    return checked(Corpus(docs, tuple(queries)))


def _best_passages(passages: Sequence[str], docs: Mapping[str, str], answers: Sequence[str]) -> list[str]:
    """The passages of one document that hold the most of the answers, at least one."""
    held = {passage: sum(answer in _squeeze(docs[passage]) for answer in answers) for passage in passages}
    most = max(held.values(), default=0)
    return [passage for passage, count in held.items() if count == most > 0]


def _squeeze(text: str) -> str:
    return re.sub(r"\s", "", text)


def _script(data: Path | None, settings: Settings) -> dict[str, Any]:
    return _cases(data, settings) if data else _heldout(settings)


def _cases(data: Path, settings: Settings) -> dict[str, Any]:
    """The outputs of the cases, else what the released adapter and the untuned base (suffix _base) write for them."""
    from sandbox.engine import Prompt
    from sandbox.prompt import section_prompt

    cases = read_cases(data)
    book = _phrases(data, settings)
    tasks = [_task(book, case) for case in cases]
    asked = [_asked(book, task) for task in tasks]
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
    from assistant.parts import open_parts, silent, utc_now
    from sandbox import pipeline

    parts = open_parts(settings)
    adapter = _released(parts.db)
    dataset = pipeline.build_dataset(parts.db, parts.vault, parts.company, parts.redactor, now=utc_now())
    found = pipeline.evaluate(
        parts.db, parts.engine, parts.company, dataset, adapter, now=utc_now(), on_progress=silent
    )
    return metrics_of(found["after"]) | metrics_of(found["before"], "_base")


def _phrases(data: Path, settings: Settings) -> "PhraseBook":
    """phrases.yaml beside the cases, else the company's."""
    from rag.company import PhraseBook, load_company

    own = data / "phrases.yaml"
    if not own.is_file():
        return load_company(settings.company).phrases
    try:
        return PhraseBook.model_validate(yaml.safe_load(own.read_text(encoding="utf-8-sig")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as wrong:
        raise BadData(f"phrases.yaml 有误：{wrong}", f"phrases.yaml is wrong: {wrong}") from wrong


def _task(book: "PhraseBook", case: Case) -> "SectionTask":
    from rag.company import GROUPS
    from sandbox.prompt import section_task

    if case.stage not in book.stages or case.section not in book.sections:
        named = f"{case.stage} / {case.section}"
        raise at(CASES, case.line, f"话术库中没有 {named}", f"the phrase book has no {named}")
    known = {*GROUPS, *(f"must_{name}" for name in book.must_say)}
    if unknown := sorted({*case.groups, *case.disputed} - known):
        raise at(CASES, case.line, f"未知的事实组 {unknown[0]}", f"unknown group {unknown[0]}")
    return section_task(book, case.language, case.stage, case.section, case.groups, case.disputed)


def _asked(book: "PhraseBook", task: "SectionTask") -> Asked:
    moves = book.sections[task.section].planned(task.groups)
    return Asked(task.section, frozenset(slot for move in moves for slot in move.slots))


def _phrasing(book: "PhraseBook", language: Language) -> Phrasing:
    return Phrasing(
        Wording(section_id, move.id, wording)
        for section_id, section in book.sections.items()
        for move in section.moves
        for wording in move.wordings(language)
    )


def _writer(settings: Settings) -> "tuple[Engine, str]":
    from assistant.parts import open_parts

    parts = open_parts(settings)
    adapter = _released(parts.db)
    parts.engine.load(adapter.hash, adapter.folder)
    return parts.engine, adapter.hash


def _released(db: "Database") -> "Adapter":
    from governance.db import reading
    from sandbox.release import released_adapter

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


SUITES: Mapping[str, Callable[[Path | None, Settings], dict[str, Any]]] = {
    "retrieval": _retrieval,
    "script": _script,
}


if __name__ == "__main__":
    sys.exit(main())
