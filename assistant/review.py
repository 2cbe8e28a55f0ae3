"""People judge scripts: never the author, and high risk takes two who do not see each other's vote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from sqlalchemy import Connection, select

from assistant import tables
from assistant.amend import edited
from assistant.changed import changed, rests_on_change
from assistant.comply_recheck import stopped_now
from assistant.lead import lead_of
from assistant.outcome import note_decision
from assistant.parts import Parts
from assistant.pipeline import checker_of, findings_of, prepare
from assistant.script import Finding
from assistant.store import Review, Stored, add_review, add_script, move_to, reviews_of, script_of
from assistant.view import SEPARATOR
from governance import ledger
from governance.accounts import User, require
from governance.accounts import user as user_named
from governance.db import reading
from governance.errors import Conflict, Invalid, NotAllowed, Refused
from rag.called import crew_of

Decision = Literal["approve", "reject", "edit"]
WITHDRAW = "withdraw"  # what is in use, or waits, is a draft again
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class QueueRow:
    script: str
    customer: str  # id
    stage: str
    language: str
    author: str
    created_at: datetime
    findings: int
    replaced: int
    status: str
    risk: str
    votes: int  # how many have voted; what they voted stays hidden until it is decided
    changed: bool = False  # what a sentence rests on is not as it was


def queue(tx: Connection, user: User, today: date) -> list[QueueRow]:
    """What waits for a decision, oldest first, marked where the facts behind it have changed; raises NotAllowed."""
    require(user, "coordinator", "see the review queue")
    s, lead = tables.scripts, tables.leads
    rows = tx.execute(
        select(s, lead.c.customer, lead.c.stage)
        .join(lead, lead.c.id == s.c.lead)
        .where(s.c.status == "waiting")
        .order_by(s.c.submitted_at)
    ).all()
    flagged = changed(tx, [row.id for row in rows], today)
    return [
        QueueRow(
            row.id,
            row.customer,
            row.stage,
            row.language,
            row.created_by,
            row.created_at,
            row.findings,
            row.replaced,
            row.status,
            row.risk,
            len(votes(reviews_of(tx, row.id))),
            rests_on_change(flagged.get(row.id, [])),
        )
        for row in rows
    ]


def submit(parts: Parts, script_id: str, user: User, now: datetime) -> None:
    """Send a draft to review; only its author may, and not while a rule blocks it."""
    with parts.db.begin() as tx:
        stored = script_of(tx, parts.vault, script_id)
        if stored.created_by != user.name:
            raise NotAllowed(user=user.name, action={"zh": "提交他人的话术", "en": "submit another rep's script"})
        _refuse_stopped(
            tx, parts, stored, [f for f in stored.body.findings if f.severity in ("block", "must_say")], now
        )
        move_to(tx, script_id, "waiting", expected=("draft",), actor=user.name, now=now)


def decide(
    parts: Parts,
    script_id: str,
    user: User,
    decision: Decision,
    reason: str = "",
    edits: Mapping[tuple[str, int], str] | None = None,
    *,
    now: datetime,
) -> str:
    """
    Approve, reject (with a reason), or edit sentences, by their section and index; returns the id of the script that
    holds now: an edited script is a new one, passes every gate again, and still waits to be approved.
    """
    require(user, "coordinator", "review scripts")
    with reading(parts.db) as tx:
        stored = script_of(tx, parts.vault, script_id)
    if stored.created_by == user.name:
        raise NotAllowed(user=user.name, action={"zh": "审核自己写的话术", "en": "review one's own script"})
    if stored.status != "waiting":
        raise Conflict(reason={"zh": "该话术不在待审核状态", "en": "the script is not waiting for review"})
    if len(reason) > LONGEST_REASON:
        raise Invalid(
            reason={"zh": f"理由最多 {LONGEST_REASON} 字", "en": f"a reason has at most {LONGEST_REASON} characters"}
        )
    if decision == "edit":
        return _edit(parts, stored, user, edits or {}, now=now)
    if decision == "reject" and not reason.strip():
        raise Invalid(reason={"zh": "驳回必须写明理由", "en": "a rejection needs a reason"})
    with parts.db.begin() as tx:
        earlier = votes(reviews_of(tx, script_id))
        if any(each.reviewer == user.name for each in earlier):
            raise Conflict(reason={"zh": "您已审核过这份话术", "en": "you have reviewed this script already"})
        if decision == "approve":
            _refuse_stopped(tx, parts, stored, (), now)
        if decision == "approve" and not reason.strip():
            _refuse_changed(tx, script_id, now)
        add_review(tx, script_id, Review(user.name, decision, reason.strip(), now))
        approvals = sum(each.decision == "approve" for each in earlier) + (decision == "approve")
        detail = {"decision": decision, "votes": approvals, "risk": stored.risk}
        ledger.append(tx, actor=user.name, event="script.reviewed", subject=script_id, detail=detail, now=now)
        if decision == "reject":
            move_to(tx, script_id, "rejected", expected=("waiting",), actor=user.name, now=now)
            note_decision(tx, parts.vault, stored, approved=False, now=now)
        elif approvals >= votes_needed(stored.risk):
            move_to(tx, script_id, "approved", expected=("waiting",), actor=user.name, now=now)
            note_decision(tx, parts.vault, stored, approved=True, now=now)
    return script_id


def _refuse_stopped(tx: Connection, parts: Parts, stored: Stored, known: Sequence[Finding], now: datetime) -> None:
    """Nobody sends on or approves what a rule blocks: one that was found when it was written, or one in force today."""
    for first in (*known, *stopped_now(tx, parts.company, stored, now.date())):
        raise Refused(
            reason={
                "zh": f"{first.message.zh}（{first.article}）建议：{first.instead.zh}",
                "en": f"{first.message.en} ({first.article}). Instead: {first.instead.en}",
            }
        )


def _refuse_changed(tx: Connection, script_id: str, now: datetime) -> None:
    """Nobody approves without a word what the facts no longer bear out."""
    if rests_on_change(changed(tx, [script_id], now.date()).get(script_id, [])):
        raise Invalid(
            reason={
                "zh": "自撰写以来，这份话术的依据已变化：批准须写明理由，或驳回重写",
                "en": "the facts behind this script have changed since it was written: give a reason, or reject it",
            }
        )


def withdraw(parts: Parts, script_id: str, user: User, reason: str, *, now: datetime) -> None:
    """
    A script that waits or is in use becomes a draft again, with a note to its author: by a coordinator, or by its
    author where the rules in force stop it. Raises NotAllowed, Invalid without a reason, Conflict.
    """
    reason = reason.strip()
    if not 0 < len(reason) <= LONGEST_REASON:
        zh, en = f"请写明理由，最多 {LONGEST_REASON} 字", f"give a reason of at most {LONGEST_REASON} characters"
        raise Invalid(reason={"zh": zh, "en": en})
    with parts.db.begin() as tx:
        stored = script_of(tx, parts.vault, script_id)
        own = stored.created_by == user.name and bool(stopped_now(tx, parts.company, stored, now.date()))
        if not own and "coordinator" not in user.roles:
            raise NotAllowed(user=user.name, action={"zh": "撤回话术", "en": "withdraw a script"})
        add_review(tx, script_id, Review(user.name, WITHDRAW, reason, now))
        move_to(tx, script_id, "draft", expected=("waiting", "approved"), actor=user.name, now=now)


def votes(decisions: Sequence[Review]) -> list[Review]:
    """Those that count: what was decided before the script was withdrawn no longer does."""
    last = max((at for at, each in enumerate(decisions, 1) if each.decision == WITHDRAW), default=0)
    return list(decisions[last:])


def votes_needed(risk: str) -> int:
    """High risk takes two people."""
    return 2 if risk == "high" else 1


def _edit(parts: Parts, stored: Stored, user: User, edits: Mapping[tuple[str, int], str], *, now: datetime) -> str:
    if not edits:
        raise Invalid(reason={"zh": "没有修改任何句子", "en": "no sentence was changed"})
    with reading(parts.db) as tx:
        author = user_named(tx, stored.created_by)
        lead = lead_of(tx, stored.lead)
    # as of the script's own day and for its author: an edit checks against what the script was written from
    language = stored.body.language
    prepared = prepare(parts, lead, language, author, now=now)
    checker = checker_of(parts.company, prepared.brief, prepared.scopes)
    whole = SEPARATOR.join(line.text for section in stored.body.sections for line in section.sentences)
    with reading(parts.db) as tx:
        crew = crew_of(tx, parts.company, stored.body.as_of, language, text=whole, customer=stored.body.customer)
    names = crew.tokens(whole, language)
    sections = edited(parts, stored.body.sections, edits, names, prepared, checker)
    findings = findings_of(parts.company, stored.body.stage, language, sections, prepared.scopes)
    script = replace(stored.body, sections=sections, findings=findings)
    with parts.db.begin() as tx:
        move_to(tx, stored.id, "superseded", expected=("waiting",), actor=user.name, now=now)
        new_id = add_script(
            tx,
            parts.vault,
            script,
            lead=stored.lead,
            subject=stored.subject,
            risk=stored.risk,
            by=stored.created_by,
            now=now,
            status="waiting",
            supersedes=stored.id,
        )
        ledger.append(
            tx,
            actor=user.name,
            event="script.edited",
            subject=new_id,
            detail={"supersedes": stored.id, "sentences": len(edits)},
            now=now,
        )
    return new_id
