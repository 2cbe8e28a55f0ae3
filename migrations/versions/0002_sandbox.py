"""data set lineage and reports, quarantine decisions, approvals, states, aliases, gradual releases"""

import sqlalchemy as sa
from alembic import op

import governance.db

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("writer", sa.String(length=64), nullable=False),
        sa.Column("question", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.PrimaryKeyConstraint("writer", "question"),
    )
    op.create_table(
        "memorisations",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "quarantine_decisions",
        sa.Column("sample", sa.String(length=64), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("covers", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.PrimaryKeyConstraint("sample"),
    )
    op.create_table(
        "rewrites",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "dataset_passports",
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("passport", sa.String(length=64), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("trained", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset"],
            ["datasets.hash"],
        ),
        sa.PrimaryKeyConstraint("dataset", "passport"),
    )
    with op.batch_alter_table("dataset_passports", schema=None) as batch_op:
        batch_op.create_index("dataset_passports_by_passport", ["passport"], unique=False)
        batch_op.create_index("dataset_passports_trained", ["dataset", "trained"], unique=False)

    op.create_table(
        "dataset_reports",
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset"],
            ["datasets.hash"],
        ),
        sa.PrimaryKeyConstraint("dataset"),
    )
    op.create_table(
        "preferences",
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=120), nullable=False),
        sa.Column("passports", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset"],
            ["datasets.hash"],
        ),
        sa.PrimaryKeyConstraint("dataset", "position"),
    )
    op.create_table(
        "sample_passports",
        sa.Column("passport", sa.String(length=64), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset"],
            ["datasets.hash"],
        ),
        sa.PrimaryKeyConstraint("passport", "dataset", "position"),
    )
    op.create_table(
        "adapter_states",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("adapter", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["adapter"],
            ["adapters.hash"],
        ),
        sa.PrimaryKeyConstraint("number"),
    )
    with op.batch_alter_table("adapter_states", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_adapter_states_adapter"), ["adapter"], unique=False)

    op.create_table(
        "aliases",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=40), nullable=False),
        sa.Column("adapter", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["adapter"],
            ["adapters.hash"],
        ),
        sa.PrimaryKeyConstraint("number"),
    )
    with op.batch_alter_table("aliases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_aliases_stage"), ["stage"], unique=False)

    op.create_table(
        "approvals",
        sa.Column("adapter", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["adapter"],
            ["adapters.hash"],
        ),
        sa.PrimaryKeyConstraint("adapter", "by"),
    )
    op.create_table(
        "complaints",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("script", sa.String(length=40), nullable=False),
        sa.Column("by", sa.String(length=60), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["script"],
            ["scripts.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("complaints", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_complaints_script"), ["script"], unique=False)

    op.create_table(
        "ratings",
        sa.Column("adapter", sa.String(length=64), nullable=False),
        sa.Column("sample", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("preferred", sa.String(length=10), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["adapter"],
            ["adapters.hash"],
        ),
        sa.PrimaryKeyConstraint("adapter", "sample", "by"),
    )
    op.create_table(
        "reports",
        sa.Column("adapter", sa.String(length=64), nullable=False),
        sa.Column("measure", sa.String(length=64), nullable=False),
        sa.Column("compared", sa.String(length=64), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["adapter"],
            ["adapters.hash"],
        ),
        sa.PrimaryKeyConstraint("adapter", "measure"),
    )
    op.create_table(
        "rollouts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("stage", sa.String(length=40), nullable=False),
        sa.Column("candidate", sa.String(length=64), nullable=False),
        sa.Column("baseline", sa.String(length=64), nullable=True),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("reason_zh", sa.Text(), nullable=False),
        sa.Column("reason_en", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("started_at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.Column("changed_at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["baseline"],
            ["adapters.hash"],
        ),
        sa.ForeignKeyConstraint(
            ["candidate"],
            ["adapters.hash"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "observations",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rollout", sa.String(length=32), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("arm", sa.String(length=10), nullable=False),
        sa.Column("script", sa.String(length=64), nullable=False),
        sa.Column("figure", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("at", governance.db.UtcDateTime(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["rollout"],
            ["rollouts.id"],
        ),
        sa.PrimaryKeyConstraint("number"),
    )
    with op.batch_alter_table("observations", schema=None) as batch_op:
        batch_op.create_index("observations_by_figure", ["rollout", "figure"], unique=False)

    with op.batch_alter_table("adapters", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stage", sa.String(length=40), server_default="", nullable=False))

    with op.batch_alter_table("dataset_samples", schema=None) as batch_op:
        batch_op.add_column(sa.Column("caught", sa.JSON(), nullable=True))

    with op.batch_alter_table("points", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tokens_per_s", sa.Float(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("memory_mib", sa.Float(), server_default="0", nullable=False))

    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stage", sa.String(length=40), server_default="", nullable=False))
        batch_op.add_column(sa.Column("priority", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("recipe", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("estimate", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("turn", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
