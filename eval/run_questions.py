"""Suite `questions`: the company's golden questions, answered from facts and passages as on the customer page."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import governance.tables
import rag.tables
from eval.questions import Question, Told, measure, read_questions
from eval.retrieval import percentile
from governance.db import migrate, open_engine
from governance.settings import Settings
from governance.vault import open_vault
from rag.answer import answer, search_in
from rag.company import load_company
from rag.pipeline import ingest
from rag.vectors import open_index

_TABLES = (governance.tables, rag.tables)  # imported so that the metadata is whole


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    folder = data or settings.company
    questions = read_questions(folder / "golden")
    company, now = load_company(folder), datetime.now(UTC)
    milliseconds: list[float] = []
    with TemporaryDirectory() as home:
        url = f"sqlite:///{home}/questions.db"
        migrate(url)
        db, vault = open_engine(url), open_vault(Path(home) / "keys")
        try:
            ingest(db, vault, company, now=now)
            index = open_index(db, vault, embedding=settings.embedding)
            search = search_in(index, now.date())

            def ask(question: Question) -> Told:
                started = perf_counter()
                language = "zh" if question.language == "zh" else "en"
                found = answer(db, vault, company, question.text, search=search, as_of=now.date(), language=language)
                milliseconds.append(1000 * (perf_counter() - started))
                return Told([line.text for line in found.lines], [line.text for line in found.related])

            metrics = measure(questions, ask)
        finally:
            db.dispose()
    return metrics | {f"p{part}_ms": round(percentile(milliseconds, part), 1) for part in (50, 95)}
