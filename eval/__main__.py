"""`python -m eval SUITE [--data DIR] [--json]`: the last line of output is one JSON object with the suite's metrics."""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.jsonl import BadData, read_lines
from eval.retrieval import DEPTH, Corpus, Query, checked, measure, read_corpus
from governance.errors import UnreadableFile, XinyanError
from governance.settings import Settings


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
            docs[f"{path.name}#{number}"] = passage.text
            of_document.setdefault(path.name, []).append(f"{path.name}#{number}")
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


SUITES: Mapping[str, Callable[[Path | None, Settings], dict[str, Any]]] = {"retrieval": _retrieval}


if __name__ == "__main__":
    sys.exit(main())
