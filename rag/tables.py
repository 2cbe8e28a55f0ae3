"""The tables of evidence: files seen, documents, sources, bi-temporal facts, their retirements, problems, vectors."""

from sqlalchemy import JSON, Boolean, Column, Date, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from governance.db import UtcDateTime, metadata

files = Table(  # bookkeeping: an unchanged file is skipped without parsing
    "files",
    metadata,
    Column("name", String(300), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("profile", String(64), nullable=False),
    Column("document", String(40), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

documents = Table(  # one version of one document or export; an export's id holds the hash of its bytes too
    "documents",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(300), nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    Column("language", String(2), nullable=False),
    Column("date", Date),
    Column("sha256", String(64), nullable=False),
    Column("passport", String(80), nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("document", String(40), ForeignKey("documents.id"), nullable=False, index=True),
    Column("title", String(300), nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    Column("position", Integer, nullable=False),
    Column("page", Integer),
    Column("row", Integer),
    Column("heading", Text, nullable=False),
    Column("date", Date),
    Column("hostile", Boolean, nullable=False),
    Column("passport", String(80), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

facts = Table(  # append-only: a closing is a row in `retirements`
    "facts",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("subject", String(120), nullable=False),
    Column("relation", String(40), nullable=False),
    Column("about", String(120), nullable=False, index=True),  # the customer that a person's fact belongs to, or ""
    Column("value", Text, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("known_from", UtcDateTime, nullable=False),
    Column("source", String(40), ForeignKey("sources.id"), nullable=False, index=True),
    Index("facts_subject_relation", "subject", "relation"),
)

retirements = Table(  # nothing is overwritten, so that what was known at a moment stays answerable
    "retirements",
    metadata,
    Column("fact", String(40), ForeignKey("facts.id"), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)

problems = Table(
    "problems",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("file", String(300), nullable=False, index=True),
    Column("row", Integer),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

vectors = Table(  # sealed like the texts they were computed from
    "vectors",
    metadata,
    Column("text_hash", String(64), primary_key=True),
    Column("model", String(60), primary_key=True),
    Column("blob", LargeBinary, nullable=False),
)
