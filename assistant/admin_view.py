"""What the admin page shows of the documents and of the company profile, as plain values."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, exists, func, select

from assistant.i18n import Locale, language_of, tr
from assistant.parts import Parts
from governance.db import reading
from rag.customers import customers
from rag.tables import documents, facts, files, problems, sources

MOST_PROBLEMS = 200


@dataclass(frozen=True, slots=True)
class DocumentRow:
    name: str
    kind: str
    passages: int
    added_at: datetime
    hostile: int  # passages that instruct a model: kept out of retrieval and of training
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Documents newest first, what they hold together, and what could not be read of files that gave none."""

    documents: tuple[DocumentRow, ...]
    kinds: tuple[str, ...]
    passages: int
    hostile: int
    customers: int
    facts: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    version: str
    terms: str
    stages: str
    records: str
    rules: tuple[str, ...]
    phrases: str


def loaded(parts: Parts, lang: Locale) -> Loaded:
    """The newest version of everything."""
    live = exists().where(files.c.document == documents.c.id)
    counted = (
        select(
            documents.c.name,
            documents.c.kind,
            documents.c.added_at,
            func.count(sources.c.id).label("passages"),
            func.sum(case((sources.c.hostile, 1), else_=0)).label("hostile"),
        )
        .join(sources, sources.c.document == documents.c.id, isouter=True)
        .where(live)
        .group_by(documents.c.id)
        .order_by(documents.c.added_at.desc(), documents.c.name)
    )
    language = language_of(lang)
    with reading(parts.db) as tx:
        found = tx.execute(counted).all()
        told = tx.execute(select(problems).order_by(problems.c.number).limit(MOST_PROBLEMS)).all()
        known = len(customers(tx))
        stated = tx.scalar(select(func.count()).select_from(facts)) or 0
    said: dict[str, list[str]] = {}
    for row in told:
        said.setdefault(row.file, []).append(row.zh if language == "zh" else row.en)
    rows = tuple(
        DocumentRow(r.name, r.kind, r.passages, r.added_at, r.hostile, tuple(said.pop(r.name, ()))) for r in found
    )
    return Loaded(
        documents=rows,
        kinds=tuple(sorted({row.kind for row in rows})),
        passages=sum(row.passages for row in rows),
        hostile=sum(row.hostile for row in rows),
        customers=known,
        facts=stated,
        problems=tuple(text for texts in said.values() for text in texts),
    )


def profile(parts: Parts, lang: Locale) -> Profile:
    """The company in a few lines."""
    company, language, comma = parts.company, language_of(lang), tr(lang, "comma")
    return Profile(
        name=company.name(language),
        version=company.file.version,
        terms=comma.join(term.say(language) for term in company.file.terms.values()),
        stages=comma.join(stage.name.say(language) for stage in company.phrases.stages.values()),
        records=comma.join(table.file.rsplit("/", 1)[-1] for table in company.file.records.values()),
        rules=tuple(tr(lang, "rules_n", name=p.name.say(language), n=len(p.rules)) for p in company.packs),
        phrases=f"{company.file.phrase_book} · {company.phrases.version}",
    )
