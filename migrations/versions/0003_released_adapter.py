"""the adapter in force so far becomes the alias of all stages"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from governance.ledger import append

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

REASON = "在引入登记册之前已发布 / released before there was a registry"


def upgrade() -> None:
    tx = op.get_bind()
    newest = sa.text("SELECT adapter, by, at FROM releases WHERE passed ORDER BY number DESC LIMIT 1")
    row = tx.execute(newest).one_or_none()
    if row is None:
        return
    values = {"adapter": row.adapter, "by": row.by, "at": row.at, "reason": REASON}
    into = "INSERT INTO adapter_states (adapter, state, reason, by, at)"
    state = f"{into} VALUES (:adapter, 'released', :reason, :by, :at)"
    alias = "INSERT INTO aliases (stage, adapter, reason, by, at) VALUES ('', :adapter, :reason, :by, :at)"
    tx.execute(sa.text(state), values)
    tx.execute(sa.text(alias), values)
    at = datetime.fromisoformat(row.at)
    append(tx, actor="migration", event="alias_moved", subject=row.adapter, detail={"stage": ""}, now=at)
