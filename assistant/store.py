"""Scripts in the database: added whole, never edited in place; an edited script is a new one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, Row, insert, select, update

from assistant.changed import Claims, note_script
from assistant.script import Script, from_json, to_json
from assistant.tables import reviews, scripts
from governance import ledger
from governance.errors import Conflict, NotFound
from governance.vault import Vault, seal, unseal


@dataclass(frozen=True, slots=True)
class Stored:
    """A script with its state; `body` refers to people by token."""

    id: str
    lead: str
    supersedes: str | None
    subject: str
    status: str
    risk: str
    created_by: str
    created_at: datetime
    body: Script


@dataclass(frozen=True, slots=True)
class Review:
    reviewer: str
    decision: str
    reason: str
    at: datetime


def add_script(
    tx: Connection,
    vault: Vault,
    script: Script,
    *,
    lead: str,
    subject: str,
    risk: str,
    by: str,
    now: datetime,
    status: str = "draft",
    supersedes: str | None = None,
    brief: Claims | None = None,
) -> str:
    """Store `script` with what its sentences and its `brief` (group → facts) rest on; returns its id."""
    script_id = "s_" + uuid4().hex[:16]
    tx.execute(
        insert(scripts).values(
            id=script_id,
            lead=lead,
            supersedes=supersedes,
            language=script.language,
            adapter=script.adapter,
            subject=subject,
            status=status,
            risk=risk,
            findings=len(script.findings),
            replaced=len(script.replaced),
            body=seal(vault, to_json(script)),
            created_by=by,
            created_at=now,
            submitted_at=now if status == "waiting" else None,
        )
    )
    note_script(tx, script_id, script, brief or {}, now, supersedes)
    detail = {"lead": lead, "adapter": script.adapter, "findings": len(script.findings), "supersedes": supersedes}
    ledger.append(tx, actor=by, event="script.written", subject=script_id, detail=detail, now=now)
    return script_id


def script_of(tx: Connection, vault: Vault, script_id: str) -> Stored:
    """The script; raises NotFound."""
    row = tx.execute(select(scripts).where(scripts.c.id == script_id)).one_or_none()
    if row is None:
        raise NotFound(kind={"zh": "话术", "en": "script"}, name=script_id)
    return _stored(row, vault)


def scripts_of_lead(tx: Connection, vault: Vault, lead: str) -> list[Stored]:
    """All versions written for a lead, newest first."""
    query = select(scripts).where(scripts.c.lead == lead).order_by(scripts.c.created_at.desc())
    return [_stored(row, vault) for row in tx.execute(query)]


def move_to(
    tx: Connection, script_id: str, status: str, *, expected: tuple[str, ...], actor: str, now: datetime
) -> None:
    """Change the state; raises Conflict when it is not one of `expected` (somebody was quicker)."""
    values = {"status": status, **({"submitted_at": now} if status == "waiting" else {})}
    changed = tx.execute(
        update(scripts).where(scripts.c.id == script_id, scripts.c.status.in_(expected)).values(**values)
    )
    if not changed.rowcount:
        raise Conflict(
            reason={
                "zh": "话术已由他人处理或状态已变化，请刷新页面",
                "en": "the script was handled by someone else; reload",
            }
        )
    ledger.append(tx, actor=actor, event=f"script.{status}", subject=script_id, detail={}, now=now)


def reviews_of(tx: Connection, script_id: str) -> list[Review]:
    """Every decision on a script, oldest first."""
    rows = tx.execute(select(reviews).where(reviews.c.script == script_id).order_by(reviews.c.id))
    return [Review(row.reviewer, row.decision, row.reason, row.at) for row in rows]


def add_review(tx: Connection, script_id: str, review: Review) -> None:
    """Note a decision; the caller moves the script."""
    tx.execute(
        insert(reviews).values(
            script=script_id, reviewer=review.reviewer, decision=review.decision, reason=review.reason, at=review.at
        )
    )


def _stored(row: Row[tuple[object, ...]], vault: Vault) -> Stored:
    body = from_json(unseal(vault, row.body))
    return Stored(
        row.id, row.lead, row.supersedes, row.subject, row.status, row.risk, row.created_by, row.created_at, body
    )
