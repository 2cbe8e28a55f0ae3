"""Suite `pairs`: documents → questions with our extractor and with a fixed-size chunker, on the same parsed text."""

import sys
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from eval.jsonl import BadData
from eval.pairs import Pair, chunk_pairs, measured, pages_of
from governance.errors import UnreadableFile
from governance.settings import Settings
from rag.blocks import Document
from rag.company import load_company
from rag.passages import passages_of
from rag.reading import read
from rag.sources import source_id
from sandbox.duplicates import Row, near_duplicates
from sandbox.extractive import Text, extract_pairs
from sandbox.samples import Sample


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    """`data`: any folder of documents; the company's own without it. No model is needed."""
    company = load_company(settings.company)
    labels = [label for names in company.file.documents.labels.values() for label in names]
    folder = data or settings.company / company.file.documents.folder
    started = time.process_time()
    parsed = dict(_parsed(folder, labels))
    parsing = time.process_time() - started
    if not parsed:
        raise BadData(f"{folder.name} 里没有可读的文档", f"{folder.name} holds no readable document")
    whole = {name: "\n".join(block.text for block in document.blocks) for name, document in parsed.items()}
    pages = sum(pages_of(text, _last_page(parsed[name])) for name, text in whole.items())

    started = time.process_time()
    passages = {text.source: text for name, document in parsed.items() for text in _texts(name, document)}
    samples = extract_pairs(passages.values())
    ours = time.process_time() - started
    started = time.process_time()
    chunks = [pair for text in whole.values() for pair in chunk_pairs(text)]
    theirs = time.process_time() - started

    pairs = [_pair(sample, passages[sample.source].text) for sample in samples]
    repeated = near_duplicates([Row(f"{s.prompt}\n{s.answer}", f"{_asked(s)}\n{s.answer}", s.source) for s in samples])
    same = near_duplicates(
        [Row(f"{pair.text[pair.start : pair.start + 1200]}\n{pair.question}", "") for pair in chunks]
    )
    return {
        **measured(pairs, len(repeated), pages, parsing + ours),
        **measured(chunks, len(same), pages, parsing + theirs, "_baseline"),
        "pages_per_cpu_s_without_parsing": round(pages / max(ours, 1e-9), 1),
        "documents": len(parsed),
        "documents_without_pair": len(parsed) - len({sample.document for sample in samples}),
        "pages": pages,
    }


def _parsed(folder: Path, labels: Collection[str]) -> Iterable[tuple[str, Document]]:
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "~$"))):
        name = path.relative_to(folder).as_posix()
        try:
            yield name, read(name, path.read_bytes(), labels)
        except UnreadableFile as skipped:
            sys.stderr.write(f"{skipped.say('zh')}\n{skipped.say('en')}\n")


def _texts(name: str, document: Document) -> list[Text]:
    cut: Sequence[Any] = passages_of(document.blocks)
    return [
        Text(name, "", passage.heading, passage.text, source_id(name, str(place), passage.text), passage.page, name)
        for place, passage in enumerate(cut)
        if not passage.hostile
    ]


def _pair(sample: Sample, text: str) -> Pair:
    start, end = sample.place or (0, 0)
    return Pair(_asked(sample), sample.answer, text, start, end)


def _asked(sample: Sample) -> str:
    return sample.prompt.rsplit("\n", 1)[-1]


def _last_page(document: Document) -> int | None:
    return max((block.page for block in document.blocks if block.page is not None), default=None)
