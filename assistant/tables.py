"""Leads, scripts and reviews. A script's body is sealed and refers to people by token."""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, String, Table, Text

from governance.db import UtcDateTime, metadata

leads = Table(
    "leads",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("customer", String(80), nullable=False),
    Column("stage", String(40), nullable=False),
    Column("product", String(80), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("note", LargeBinary, nullable=False),  # free text, sealed
    Column("created_by", String(60), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
scripts = Table(
    "scripts",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("lead", ForeignKey("leads.id"), nullable=False, index=True),
    Column("supersedes", String(40), nullable=True),  # an edited script is a new one
    Column("language", String(2), nullable=False),
    Column("adapter", String(80), nullable=True),  # hash; null: the plan's own wording
    Column("subject", String(40), nullable=False),  # the person whose consent it needs
    Column("status", String(12), nullable=False),  # draft | waiting | approved | rejected | superseded
    Column("risk", String(6), nullable=False),  # low | high
    Column("findings", Integer, nullable=False),
    Column("replaced", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_by", String(60), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("submitted_at", UtcDateTime, nullable=True),
)
reviews = Table(
    "reviews",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("script", ForeignKey("scripts.id"), nullable=False, index=True),
    Column("reviewer", String(60), nullable=False),
    Column("decision", String(10), nullable=False),  # approve | reject
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
complaints = Table(
    "complaints",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("script", ForeignKey("scripts.id"), nullable=False, index=True),
    Column("by", String(60), nullable=False),
    Column("text", LargeBinary, nullable=False),  # free text, sealed
    Column("at", UtcDateTime, nullable=False),
)
