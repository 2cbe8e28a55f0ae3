"""The tables of the sandbox: data sets and their samples, runs and their curve, adapters, evaluations, releases."""

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from governance.db import UtcDateTime, metadata

datasets = Table(
    "datasets",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("inputs", String(64), nullable=False, unique=True),  # hash of all that it was built from
    Column("train", Integer, nullable=False),
    Column("heldout", Integer, nullable=False),
    Column("quarantined", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

dataset_samples = Table(  # `unit` and `passports` are the lineage; the sample itself is sealed
    "dataset_samples",
    metadata,
    Column("dataset", String(64), ForeignKey("datasets.hash"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("sample", String(64), nullable=False),
    Column("part", String(10), nullable=False),  # train | heldout | quarantine
    Column("unit", String(120), nullable=False, index=True),
    Column("passports", JSON, nullable=False),
    Column("reason_zh", Text, nullable=False),
    Column("reason_en", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("dataset_samples_by_sample", "sample"),
)

adapters = Table(  # `key` = data set, base and recipe: the same three are never trained twice
    "adapters",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("dataset", String(64), ForeignKey("datasets.hash"), nullable=False),
    Column("base", String(64), nullable=False),
    Column("recipe", JSON, nullable=False),
    Column("folder", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("adapter", String(64), ForeignKey("adapters.hash"), primary_key=True),
    Column("measure", String(64), primary_key=True),  # hash of the questions, the phrase book and the way of counting
    Column("dataset", String(64), ForeignKey("datasets.hash"), nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

releases = Table(  # append-only: the newest row that passed is in force; a roll-back is a new row
    "releases",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("adapter", String(64), ForeignKey("adapters.hash"), nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("figures", JSON, nullable=False),
    Column("failed", JSON, nullable=False),
    Column("by", String(120), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("status", String(20), nullable=False),
    Column("step", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("message_zh", Text, nullable=False),
    Column("message_en", Text, nullable=False),
    Column("cancel", Boolean, nullable=False),
    Column("pid", Integer),
    Column("born", String(40)),  # when the process began: a process id is used again
    Column("heartbeat", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("by", String(120), nullable=False),
    Column("dataset", String(64)),
    Column("adapter", String(64)),
)

points = Table(
    "points",
    metadata,
    Column("run", String(64), primary_key=True),  # a run's id, or the key of an adapter that was trained without one
    Column("step", Integer, primary_key=True),
    Column("total", Integer, nullable=False),
    Column("loss", Float, nullable=False),
    Column("heldout", Float),
    Column("rate", Float, nullable=False),
    Column("gradient", Float, nullable=False),
    Column("seconds", Float, nullable=False),
)
