"""`python -m rag ask QUESTION`: answered from facts and passages, with their sources; people under pseudonyms."""

import argparse
from collections.abc import Iterator
from datetime import UTC, date, datetime, time

from sqlalchemy import Engine

from governance.errors import Language
from governance.settings import Settings
from governance.vault import Vault, pseudonymise
from rag.answer import Answer, answer, search_in
from rag.answer_product import Line
from rag.company import Company
from rag.vectors import open_index

WORDS = {
    "quoted": ("文件原文", "From the documents"),
    "related": ("可能相关", "Perhaps related"),
    "nothing": ("没有找到可以回答的内容。", "Nothing was found that answers this."),
    "several": ("可能指", "may be any of"),
}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:  # pyright: ignore[reportPrivateUsage]
    """`ask QUESTION [--as-of DAY] [--known-at DAY]`."""
    parser = commands.add_parser("ask", help="提问 / ask in plain words")
    parser.add_argument("question")
    parser.add_argument("--as-of", type=date.fromisoformat, help="YYYY-MM-DD，默认今天 / today when left out")
    parser.add_argument("--known-at", type=date.fromisoformat, help="YYYY-MM-DD")


def run(
    settings: Settings, db: Engine, vault: Vault, company: Company, asked: argparse.Namespace, language: Language
) -> int:
    """Print the answer; 1 when there is none. Raises Invalid for a question without a word."""
    day: date = asked.as_of or datetime.now(UTC).date()
    known_at = datetime.combine(asked.known_at, time.max, tzinfo=UTC) if asked.known_at else None
    index = open_index(db, vault, embedding=settings.embedding, qdrant_url=settings.qdrant_url)
    found = answer(
        db,
        vault,
        company,
        asked.question,
        search=search_in(index, day),
        as_of=day,
        language=language,
        known_at=known_at,
    )
    print("\n".join(_lines(found, language)))
    return 0 if found.lines or found.unknown else 1


def _lines(found: Answer, language: Language) -> Iterator[str]:
    which = 0 if language == "zh" else 1
    for text, names in found.unclear:
        yield f"? {text} {WORDS['several'][which]} {'、'.join(names)}"
    yield from (_line(found, line, language) for line in found.lines if not line.quoted)
    yield from (f"? {each.say(language)}" for each in found.unknown)
    quoted = [line for line in found.lines if line.quoted]
    for title, lines in (("quoted", quoted), ("related", found.related)):
        if lines:
            yield WORDS[title][which]
            yield from (_line(found, line, language) for line in lines)
    if not found.lines and not found.unknown:
        yield WORDS["nothing"][which]


def _line(found: Answer, line: Line, language: Language) -> str:
    cited = [found.sources[key] for key in line.sources[:3] if key in found.sources]
    places = "; ".join(f"{source.title}{f'#{source.row}' if source.row else ''}" for source in cited)
    return f"  {pseudonymise(line.text, language).replace(chr(10), ' / ')}  [{places}]"
