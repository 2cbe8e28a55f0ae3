"""the customer graph: edges, slots, names, merges, rulings, proposals, derivations, imports, column mappings"""

import hashlib
import json
import re
import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import op

import governance.db

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("profile", sa.String(length=64), nullable=False),
        sa.Column("document", sa.String(length=40), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("started_at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "mappings",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("proposed_by", sa.String(length=60), nullable=False),
        sa.Column("proposed_at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.Column("decided_by", sa.String(length=60), nullable=True),
        sa.Column("decided_at", governance.db.UtcDateTime(length=40), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "version"),
    )
    op.create_table(
        "merges",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kept", sa.String(length=120), nullable=False),
        sa.Column("merged", sa.String(length=120), nullable=False),
        sa.Column("zh", sa.Text(), nullable=False),
        sa.Column("en", sa.Text(), nullable=False),
        sa.Column("suggested_at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("by", sa.String(length=60), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_at", governance.db.UtcDateTime(length=40), nullable=True),
        sa.Column("undone_at", governance.db.UtcDateTime(length=40), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("merges", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_merges_kept"), ["kept"], unique=False)
        batch_op.create_index(batch_op.f("ix_merges_merged"), ["merged"], unique=False)

    op.create_table(
        "derived_from",
        sa.Column("artefact", sa.String(length=60), nullable=False),
        sa.Column("claim", sa.String(length=60), nullable=False),
        sa.Column("fact", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["fact"],
            ["facts.id"],
        ),
        sa.PrimaryKeyConstraint("artefact", "claim", "fact"),
    )
    with op.batch_alter_table("derived_from", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_derived_from_fact"), ["fact"], unique=False)

    op.create_table(
        "entity_names",
        sa.Column("plain", sa.String(length=200), nullable=False),
        sa.Column("entity", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("fact", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["fact"],
            ["facts.id"],
        ),
        sa.PrimaryKeyConstraint("plain", "entity", "kind", "fact"),
    )
    op.create_table(
        "proposals",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("relation", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("extractor", sa.String(length=40), nullable=False),
        sa.Column("proposed_at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("by", sa.String(length=60), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_at", governance.db.UtcDateTime(length=40), nullable=True),
        sa.Column("fact", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["fact"],
            ["facts.id"],
        ),
        sa.ForeignKeyConstraint(
            ["source"],
            ["sources.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("proposals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_proposals_source"), ["source"], unique=False)
        batch_op.create_index(batch_op.f("ix_proposals_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_proposals_subject"), ["subject"], unique=False)

    op.create_table(
        "rulings",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("slot", sa.String(length=26), nullable=False),
        sa.Column("chosen", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=60), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.Column("undone_by", sa.String(length=60), nullable=True),
        sa.Column("undone_at", governance.db.UtcDateTime(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["chosen"],
            ["facts.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("rulings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rulings_slot"), ["slot"], unique=False)

    op.create_table(
        "overruled",
        sa.Column("ruling", sa.String(length=40), nullable=False),
        sa.Column("fact", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["fact"],
            ["facts.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ruling"],
            ["rulings.id"],
        ),
        sa.PrimaryKeyConstraint("ruling", "fact"),
    )
    with op.batch_alter_table("overruled", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_overruled_fact"), ["fact"], unique=False)

    with op.batch_alter_table("facts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("object", sa.String(length=120), server_default="", nullable=False))
        batch_op.add_column(sa.Column("slot", sa.String(length=26), server_default="", nullable=False))
        batch_op.drop_index("ix_facts_about")
        batch_op.create_index("facts_about_relation", ["about", "relation"], unique=False)
        batch_op.create_index("facts_object_relation", ["object", "relation"], unique=False)
        batch_op.create_index("facts_relation", ["relation"], unique=False)
        batch_op.create_index("facts_slot", ["slot"], unique=False)

    with op.batch_alter_table("sources", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sources_passport"), ["passport"], unique=False)
    _fill(op.get_bind())


# The rules as they were when these columns came; rag/relations.py and rag/entity_names.py may move on.
_OBJECTS = {"works_at": "value", "holds_title": "customer", "bought": "product", "ticket": "product"}
_SLOTS = {
    "holds_title": ("customer", "department", "value"),
    "budget": ("subject", "value"),
    "certificate": ("subject", "value"),
    "scope": ("subject", "language"),
    "warranty": ("subject",),
}
_HEAD = re.compile(
    r"(?!.*副|Deputy|Vice).*(?:主任|科长|处长|部长|院长|护士长|经理|总监)$|(?:Director|Head|Chief|President)\b.*"
)


def _fill(tx: sa.Connection) -> None:
    facts = sa.table(
        "facts",
        *(sa.column(name) for name in ("id", "subject", "relation", "value", "object", "slot")),
        sa.column("attributes", sa.JSON),
    )
    names = sa.table("entity_names", *(sa.column(name) for name in ("plain", "entity", "kind", "fact")))
    for row in tx.execute(sa.select(facts)).all():
        attributes: dict[str, str] = row.attributes
        parts = attributes | {"subject": row.subject, "value": row.value}
        pointed = parts.get(_OBJECTS.get(row.relation, ""), "")
        if row.relation in ("bought", "ticket") and pointed:
            pointed = "product:" + pointed
        slot = _slot(row, parts)
        if pointed or slot:
            tx.execute(sa.update(facts).where(facts.c.id == row.id).values(object=pointed, slot=slot))
        if row.relation == "name":
            tx.execute(sa.insert(names), [{**each, "entity": row.subject, "fact": row.id} for each in _names(row)])


def _slot(row: Any, parts: dict[str, str]) -> str:
    if row.relation not in _SLOTS or (row.relation == "holds_title" and not _HEAD.fullmatch(row.value)):
        return ""
    text = json.dumps([row.relation, *(parts.get(name, "") for name in _SLOTS[row.relation])], ensure_ascii=False)
    return "k_" + hashlib.sha256(text.encode()).hexdigest()[:24]


def _names(row: Any) -> list[dict[str, str]]:
    said = [(row.subject.partition(":")[2], "id"), (row.value, "name")]
    said += [(row.attributes.get(field, ""), "name") for field in ("name_en", "model")]
    said += [(alias, "alias") for alias in re.split(r"[;；、|，]", row.attributes.get("aliases", ""))]
    keyed = {re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()[:200]: kind for text, kind in said}
    return [{"plain": key, "kind": kind} for key, kind in keyed.items() if key]
