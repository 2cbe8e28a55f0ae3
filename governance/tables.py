"""The tables of governance. Personal values are ciphertext; everything else is ids, counts, dates and hashes."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from governance.db import UtcDateTime, metadata

passports = Table(
    "passports",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("origin", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("collected_at", UtcDateTime, nullable=False),
    Column("channel", String(64), nullable=False),
    Column("purposes", Text, nullable=False),  # a JSON list
    Column("text_hash", String(64)),
    Column("version", Integer, nullable=False),
    UniqueConstraint("kind", "origin", "version"),
)

people = Table(
    "people",
    metadata,
    Column("person", String(18), primary_key=True),
    Column("wrapped_key", LargeBinary),  # null: destroyed, which is how forgetting starts
    Column("created_at", UtcDateTime, nullable=False),
    Column("forgotten_at", UtcDateTime),
)

personal_values = Table(
    "personal_values",
    metadata,
    Column("person", ForeignKey("people.person"), primary_key=True),
    Column("field", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),  # the newest one is valid
    Column("sealed", LargeBinary, nullable=False),
    Column("lookup", String(64), nullable=False),
    Column("passport", ForeignKey("passports.id"), nullable=False),
    Column("kept_at", UtcDateTime, nullable=False),
    Index("personal_values_by_lookup", "lookup"),
)

consents = Table(
    "consents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subject", String(18), nullable=False, index=True),
    Column("purpose", String(64), nullable=False),
    Column("given_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("withdrawn_at", UtcDateTime),
    Column("channel", String(64), nullable=False),
    Column("text_hash", String(64)),
    Column("passport", ForeignKey("passports.id"), nullable=False),
)

# `at` and `detail` are kept as the very text that was hashed, so that an edit which parses to the same value shows.
ledger = Table(
    "ledger",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", String(40), nullable=False),
    Column("actor", Text, nullable=False),
    Column("event", String(64), nullable=False),
    Column("subject", Text, nullable=False, index=True),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False, unique=True),  # unique: two appenders cannot fork the chain
    Column("hash", String(64), nullable=False),
)

ledger_head = Table(  # one row; without it the removal of the last events would not show
    "ledger_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("password", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("scrypt_n", Integer, nullable=False),
    Column("scrypt_r", Integer, nullable=False),
    Column("scrypt_p", Integer, nullable=False),
    Column("roles", Text, nullable=False),  # comma-separated, sorted
    Column("display", Text, nullable=False),
    Column("language", String(2), nullable=False),
)

sign_in_failures = Table(  # by the hash of the name that was typed, known or not
    "sign_in_failures",
    metadata,
    Column("name_hash", String(64), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
)

web_sessions = Table(
    "web_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user", ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)
