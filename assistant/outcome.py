"""What became of a script, seen by the gradual release that wrote it: checks, time, edits, rejections, complaints."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, insert, select

from assistant.draft import Checker, write_draft
from assistant.parts import Parts, Writer
from assistant.plan import Plan
from assistant.script import Script, ScriptSection
from assistant.store import Stored, script_of
from assistant.tables import complaints
from governance import ledger
from governance.accounts import User
from governance.errors import Conflict, Invalid, NotAllowed, XinyanError
from governance.vault import Vault, seal, unseal
from sandbox.rollout import Arm, observe

log = logging.getLogger(__name__)
LONGEST_COMPLAINT = 1000


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a customer or a rep held against an approved script."""

    by: str
    text: str
    at: datetime


def replaced_share(sections: tuple[ScriptSection, ...]) -> float:
    """Of the sentences of an adapter's script, those where its own wording did not stand after one rewriting."""
    lines = [line for section in sections for line in section.sentences]
    return sum(line.origin == "plan" for line in lines) / len(lines) if lines else 1.0


def edit_distance(shown: Script, approved: Script) -> float:
    """How much people changed, 0 to 1: over all sentences as they were first shown, weighted by their length."""
    texts = [{part.id: [line.text for line in part.sentences] for part in each.sections} for each in (shown, approved)]
    parts = dict.fromkeys([*texts[0], *texts[1]])  # a section that was written anew may have fewer sentences
    pairs = [
        pair for part in parts for pair in zip_longest(texts[0].get(part, ()), texts[1].get(part, ()), fillvalue="")
    ]
    weights = [max(len(a), len(b)) for a, b in pairs]
    same = [SequenceMatcher(None, a, b, autojunk=False).ratio() for a, b in pairs]
    changed = sum(weight * (1 - ratio) for weight, ratio in zip(weights, same, strict=True))
    return changed / sum(weights) if sum(weights) else 0.0


def note_written(
    tx: Connection,
    rollout: str,
    arm: Arm,
    script: str,
    sections: tuple[ScriptSection, ...],
    seconds: float,
    now: datetime,
) -> None:
    """What is known when an adapter has written."""
    for figure, value in (("verification_failure", replaced_share(sections)), ("latency", seconds)):
        observe(tx, rollout, arm=arm, script=script, figure=figure, value=value, now=now)


def note_decision(tx: Connection, vault: Vault, stored: Stored, *, approved: bool, now: datetime) -> None:
    """What a review says of the script's arm; an edited script counts as what it was edited from."""
    body = stored.body
    if body.rollout is None:
        return
    first = _first(tx, vault, stored)
    seen: dict[str, Any] = {"arm": body.arm, "script": first.id, "now": now}
    observe(tx, body.rollout, figure="rejection", value=float(not approved), **seen)
    if approved:
        observe(tx, body.rollout, figure="edit_distance", value=edit_distance(first.body, body), **seen)
        observe(tx, body.rollout, figure="complaint", value=0.0, **seen)


def write_in_shadow(parts: Parts, writer: Writer, plan: Plan, checker: Checker, script: str, now: datetime) -> None:
    """The candidate writes the same plan once more; it is counted, and neither stored nor shown."""
    if writer.shadow is None or writer.rollout is None:
        return
    try:
        parts.load(writer.shadow)
        started = time.monotonic()
        sections, _ = write_draft(plan, checker, writer.engine, writer.shadow)
        seconds = time.monotonic() - started
        with parts.db.begin() as tx:
            note_written(tx, writer.rollout, "candidate", script, sections, seconds, now)
    except XinyanError as wrong:  # nobody waits for it: the visible script has been stored
        log.warning("shadow failed rollout=%s error=%s", writer.rollout, type(wrong).__name__)


def report_complaint(parts: Parts, script: str, user: User, text: str, now: datetime) -> None:
    """
    Keep, sealed, what is held against an approved script; its author or a coordinator may. Counts once per script.

    Raises NotFound, NotAllowed, Conflict for a script that was not approved, Invalid for an empty or endless text.
    """
    text = text.strip()
    if not 0 < len(text) <= LONGEST_COMPLAINT:
        zh, en = f"请写明投诉内容，最多 {LONGEST_COMPLAINT} 字", f"a complaint has 1 to {LONGEST_COMPLAINT} characters"
        raise Invalid(reason={"zh": zh, "en": en})
    with parts.db.begin() as tx:
        stored = script_of(tx, parts.vault, script)
        if stored.created_by != user.name and "coordinator" not in user.roles:
            action = {"zh": "登记他人话术的投诉", "en": "report a complaint about another rep's script"}
            raise NotAllowed(user=user.name, action=action)
        if stored.status != "approved":
            zh, en = "只能登记已批准话术的投诉", "only an approved script can be complained about"
            raise Conflict(reason={"zh": zh, "en": en})
        row = {"script": script, "by": user.name, "text": seal(parts.vault, text), "at": now}
        tx.execute(insert(complaints).values(**row))
        detail = {"adapter": stored.body.adapter, "characters": len(text)}
        ledger.append(tx, actor=user.name, event="script.complained", subject=script, detail=detail, now=now)
        if stored.body.rollout is not None:
            first = _first(tx, parts.vault, stored)
            seen: dict[str, Any] = {"arm": stored.body.arm, "script": first.id, "now": now}
            observe(tx, stored.body.rollout, figure="complaint", value=1.0, **seen)


def complaints_of(tx: Connection, vault: Vault, script: str) -> list[Complaint]:
    """Oldest first."""
    rows = tx.execute(select(complaints).where(complaints.c.script == script).order_by(complaints.c.id))
    return [Complaint(row.by, unseal(vault, row.text), row.at) for row in rows]


def _first(tx: Connection, vault: Vault, stored: Stored) -> Stored:
    """As the adapter and the plan left it, before anyone edited."""
    while stored.supersedes is not None:
        stored = script_of(tx, vault, stored.supersedes)
    return stored
