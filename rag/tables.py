"""The tables of evidence: files, documents, sources, bi-temporal facts and what people decided about them, vectors."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

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
    Column("passport", String(80), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)

facts = Table(  # append-only: a closing is a row in `retirements`
    "facts",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("subject", String(120), nullable=False),
    Column("relation", String(40), nullable=False),
    Column("about", String(120), nullable=False),  # the customer that a person's fact belongs to, or ""
    Column("value", Text, nullable=False),
    Column("object", String(120), nullable=False, server_default=""),  # the entity that an edge points to, or ""
    Column("slot", String(26), nullable=False, server_default=""),  # where one statement holds at a time, or ""
    Column("attributes", JSON, nullable=False),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("known_from", UtcDateTime, nullable=False),
    Column("source", String(40), ForeignKey("sources.id"), nullable=False, index=True),
    Index("facts_subject_relation", "subject", "relation"),
    Index("facts_object_relation", "object", "relation"),
    Index("facts_slot", "slot"),
    Index("facts_about_relation", "about", "relation"),
    Index("facts_relation", "relation"),
)

retirements = Table(  # nothing is overwritten, so that what was known at a moment stays answerable
    "retirements",
    metadata,
    Column("fact", String(40), ForeignKey("facts.id"), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)

entity_names = Table(  # an index over the facts of relation `name`
    "entity_names",
    metadata,
    Column("plain", String(200), primary_key=True),
    Column("entity", String(120), primary_key=True),
    Column("kind", String(12), primary_key=True),
    Column("fact", String(40), ForeignKey("facts.id"), primary_key=True),
)

merges = Table(  # two ids of one entity: suggested by a rule, decided by a person, reversible
    "merges",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kept", String(120), nullable=False, index=True),
    Column("merged", String(120), nullable=False, index=True),
    Column("zh", Text, nullable=False),  # why they may be the same; holds no personal value
    Column("en", Text, nullable=False),
    Column("suggested_at", UtcDateTime, nullable=False),
    Column("state", String(10), nullable=False),  # waiting | merged | refused | undone
    Column("by", String(60)),
    Column("reason", Text),
    Column("decided_at", UtcDateTime),
    Column("undone_at", UtcDateTime),
)

rulings = Table(  # a person decided between statements that no rule decides between
    "rulings",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("slot", String(26), nullable=False, index=True),
    Column("chosen", String(40), ForeignKey("facts.id")),  # null: none of them is right
    Column("reason", Text, nullable=False),
    Column("by", String(60), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("undone_by", String(60)),
    Column("undone_at", UtcDateTime),
)

overruled = Table(
    "overruled",
    metadata,
    Column("ruling", String(40), ForeignKey("rulings.id"), primary_key=True),
    Column("fact", String(40), ForeignKey("facts.id"), primary_key=True, index=True),
)

proposals = Table(  # what an extractor believes to have read; a fact only once a person accepts it
    "proposals",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("subject", String(120), nullable=False, index=True),
    Column("relation", String(40), nullable=False),
    Column("value", Text, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("source", String(40), ForeignKey("sources.id"), nullable=False, index=True),
    Column("extractor", String(40), nullable=False),
    Column("proposed_at", UtcDateTime, nullable=False),
    Column("state", String(10), nullable=False, index=True),  # waiting | accepted | refused
    Column("by", String(60)),
    Column("reason", Text),
    Column("decided_at", UtcDateTime),
    Column("fact", String(40), ForeignKey("facts.id")),
)

derived_from = Table(  # which fact stands behind which claim of a brief, a script, a summary
    "derived_from",
    metadata,
    Column("artefact", String(60), primary_key=True),
    Column("claim", String(60), primary_key=True),
    Column("fact", String(40), ForeignKey("facts.id"), primary_key=True, index=True),
    Column("kind", String(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

imports = Table(  # an export that is being read in batches; gone when it is through
    "imports",
    metadata,
    Column("name", String(300), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("profile", String(64), nullable=False),
    Column("document", String(40), nullable=False),
    Column("rows_done", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

mappings = Table(  # which column of an export holds which field: proposed by a rule, decided by a person
    "mappings",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", JSON, nullable=False),
    Column("state", String(10), nullable=False),  # proposed | approved | refused
    Column("proposed_by", String(60), nullable=False),
    Column("proposed_at", UtcDateTime, nullable=False),
    Column("decided_by", String(60)),
    Column("decided_at", UtcDateTime),
    Column("note", Text),
    UniqueConstraint("kind", "version"),
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
