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
    Column("caught", JSON),  # of one in quarantine: what was found, gravest first
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
    Column("stage", String(40), nullable=False, server_default=""),  # trained on its sections; empty: on all
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
    Column("stage", String(40), nullable=False, server_default=""),  # whom the adapter is for; empty: every stage
    Column("priority", Integer, nullable=False, server_default="0"),  # the larger goes first
    Column("recipe", JSON),  # None: chosen for the data and the machine when it begins
    Column("estimate", JSON),  # time and memory, from one dry step
    Column("turn", Integer, nullable=False, server_default="1"),  # a person sent it on its way again: one more
    Column("tries", Integer, nullable=False, server_default="0"),  # how often it broke off since it last got further
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
    Column("tokens_per_s", Float, nullable=False, server_default="0"),
    Column("memory_mib", Float, nullable=False, server_default="0"),
)

dataset_reports = Table(  # coverage per document section, duplicates, counts per kind and language
    "dataset_reports",
    metadata,
    Column("dataset", String(64), ForeignKey("datasets.hash"), primary_key=True),
    Column("report", JSON, nullable=False),
)

dataset_passports = Table(  # lineage in both directions without touching the samples
    "dataset_passports",
    metadata,
    Column("dataset", String(64), ForeignKey("datasets.hash"), primary_key=True),
    Column("passport", String(64), primary_key=True),
    Column("samples", Integer, nullable=False),  # all that hold it, kept back or not
    Column("trained", Integer, nullable=False, server_default="0"),  # of these in the training part
    Index("dataset_passports_by_passport", "passport"),
    Index("dataset_passports_trained", "dataset", "trained"),
)

sample_passports = Table(  # which samples of a data set came from a record
    "sample_passports",
    metadata,
    Column("passport", String(64), primary_key=True),
    Column("dataset", String(64), ForeignKey("datasets.hash"), primary_key=True),
    Column("position", Integer, primary_key=True),
)

quarantine_decisions = Table(  # by the sample's hash: a decision holds for every later data set
    "quarantine_decisions",
    metadata,
    Column("sample", String(64), primary_key=True),
    Column("decision", String(10), nullable=False),  # release | discard
    Column("covers", JSON, nullable=False),  # what had been found when it was decided; a release lets no more through
    Column("reason", Text, nullable=False),
    Column("by", String(120), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

rewrites = Table(  # what the endpoint made of a question and its answer; a killed build goes on where it was
    "rewrites",
    metadata,
    Column("key", String(64), primary_key=True),  # hash of the sample, the model and the way of asking
    Column("verdict", String(20), nullable=False),  # accepted, or why not
    Column("sealed", LargeBinary, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

preferences = Table(  # what a person preferred to what the model wrote; sealed, with its lineage
    "preferences",
    metadata,
    Column("dataset", String(64), ForeignKey("datasets.hash"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("unit", String(120), nullable=False),
    Column("passports", JSON, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

reports = Table(  # the full report of a candidate against the base and the adapter that was in force
    "reports",
    metadata,
    Column("adapter", String(64), ForeignKey("adapters.hash"), primary_key=True),
    Column("measure", String(64), primary_key=True),
    Column("compared", String(64)),  # the adapter in force; None when there was none
    Column("body", JSON, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # the answers side by side
    Column("at", UtcDateTime, nullable=False),
)

answers = Table(  # what a writer wrote for a prompt, or how likely it held an answer; nothing is generated twice
    "answers",
    metadata,
    Column("writer", String(64), primary_key=True),  # an adapter's hash, or the base's for the untuned model
    Column("question", String(64), primary_key=True),  # hash of the prompt and of how it was asked
    Column("sealed", LargeBinary, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

ratings = Table(  # blind: who judges sees left and right, not which is which
    "ratings",
    metadata,
    Column("adapter", String(64), ForeignKey("adapters.hash"), primary_key=True),
    Column("sample", String(64), primary_key=True),
    Column("by", String(120), primary_key=True),
    Column("preferred", String(10), nullable=False),  # candidate | other | same
    Column("at", UtcDateTime, nullable=False),
)

memorisations = Table(  # of a recipe on a data set: planted strings, and whether they come out again
    "memorisations",
    metadata,
    Column("key", String(64), primary_key=True),  # the adapter's key
    Column("body", JSON, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("adapter", String(64), ForeignKey("adapters.hash"), primary_key=True),
    Column("by", String(120), primary_key=True),
    Column("decision", String(10), nullable=False),  # approve | reject
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

adapter_states = Table(  # append-only: the newest row of an adapter holds
    "adapter_states",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("adapter", String(64), ForeignKey("adapters.hash"), nullable=False, index=True),
    Column("state", String(10), nullable=False),  # candidate | approved | released | retired | tainted
    Column("reason", Text, nullable=False),
    Column("by", String(120), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

aliases = Table(  # append-only: the newest row of a stage holds; the empty stage is for all that have none
    "aliases",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("stage", String(40), nullable=False, index=True),
    Column("adapter", String(64), ForeignKey("adapters.hash")),  # None: the plan's own wording
    Column("reason", Text, nullable=False),
    Column("by", String(120), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("stage", String(40), nullable=False),
    Column("candidate", String(64), ForeignKey("adapters.hash"), nullable=False),
    Column("baseline", String(64), ForeignKey("adapters.hash")),  # None: the plan's own wording
    Column("share", Integer, nullable=False),  # percent of the customers; 0 is the shadow
    Column("status", String(20), nullable=False),  # running | done | rolled_back | stopped
    Column("reason_zh", Text, nullable=False),
    Column("reason_en", Text, nullable=False),
    Column("by", String(120), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

observations = Table(  # what was seen of one script: which arm wrote it, and a guard figure
    "observations",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("rollout", String(32), ForeignKey("rollouts.id"), nullable=False),
    Column("share", Integer, nullable=False),
    Column("arm", String(10), nullable=False),  # candidate | baseline
    Column("script", String(64), nullable=False),
    Column("figure", String(20), nullable=False),
    Column("value", Float, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("observations_by_figure", "rollout", "figure"),
)
