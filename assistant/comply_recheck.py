"""Live scripts against the rules in force today: what a changed rule, or a certificate that ended, would now stop."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, Engine, select

from assistant.comply import check_text
from assistant.comply_scope import Scope, scope_findings, scope_on
from assistant.script import Finding, Script
from assistant.store import Stored, script_of
from assistant.tables import scripts
from governance import ledger
from governance.db import reading
from governance.vault import Vault
from rag.company import Company

LIVE = ("draft", "waiting", "approved")
SUBJECT = "rules"  # the ledger's name for the rules as a whole
EVENT = "rules.rechecked"


@dataclass(frozen=True, slots=True)
class Rechecked:
    """A live script whose findings are not those it was stored with."""

    script: str
    status: str
    new: tuple[Finding, ...]
    gone: tuple[Finding, ...]

    @property
    def is_stopped(self) -> bool:
        """Whether a rule that blocks fires now and did not before."""
        return any(finding.severity == "block" for finding in self.new)


def pack_digest(company: Company) -> str:
    """A hash over every rule in force, as it is read."""
    content = [pack.model_dump(mode="json") for pack in company.packs]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:32]


def findings_today(company: Company, script: Script, scopes: Sequence[Scope]) -> list[Finding]:
    """What the rules in force and the certificates say of a script; pure."""
    said = {part.id: "\n".join(line.text for line in part.sentences) for part in script.sections}
    found = [each for part, text in said.items() for each in check_text(company, text, script.language, part)]
    for part, text in said.items():
        found += scope_findings(text, script.language, scopes, about=script.product, section=part)
    return found


def changes(company: Company, stored: Stored, scopes: Sequence[Scope]) -> Rechecked:
    """New and gone findings of one script, by rule, section and quoted words."""
    before = {_key(each) for each in stored.body.findings}
    today = findings_today(company, stored.body, scopes)
    after = {_key(each) for each in today}
    new = tuple(each for each in today if _key(each) not in before)
    gone = [each for each in stored.body.findings if _key(each) not in after and not each.rule.startswith("must-say-")]
    return Rechecked(stored.id, stored.status, new, tuple(gone))


def stopped_now(tx: Connection, company: Company, stored: Stored, day: date) -> tuple[Finding, ...]:
    """The blocks that were not there when this script was written; () for one that is not live."""
    if stored.status not in LIVE:
        return ()
    return tuple(
        each for each in changes(company, stored, _scopes(tx, stored.body, day)).new if each.severity == "block"
    )


def is_due(tx: Connection, company: Company, day: date) -> bool:
    """Whether the rules changed, or a day passed, since live scripts were last checked."""
    events = [event for event in ledger.events_of(tx, SUBJECT) if event.event == EVENT]
    seen = events[-1].detail if events else {}
    return (seen.get("digest"), seen.get("day")) != (pack_digest(company), day.isoformat())


def recheck(
    db: Engine, vault: Vault, company: Company, *, now: datetime | None = None, by: str = "system", force: bool = False
) -> list[Rechecked] | None:
    """
    Every live script whose findings changed; None when neither the rules nor the day changed since the last time.

    The ledger keeps the digest of the rules and the day, and each script that is stopped now.
    """
    at = now or datetime.now(UTC)
    with reading(db) as tx:
        if not force and not is_due(tx, company, at.date()):
            return None
        found, checked = _all(tx, vault, company, at.date())
    stopped = [each for each in found if each.is_stopped]
    with db.begin() as tx:
        detail = {"digest": pack_digest(company), "day": at.date().isoformat(), "scripts": checked}
        ledger.append(tx, actor=by, event=EVENT, subject=SUBJECT, detail=detail | {"stopped": len(stopped)}, now=at)
        for each in stopped:
            rules = sorted({finding.rule for finding in each.new if finding.severity == "block"})
            said = {"rules": ",".join(rules)[: ledger.LONGEST_TEXT], "digest": pack_digest(company)}
            ledger.append(tx, actor=by, event="script.stopped_by_rules", subject=each.script, detail=said, now=at)
    return found


def affected(tx: Connection, vault: Vault, company: Company, day: date) -> list[Rechecked]:
    """What `recheck` would list, without noting it: for a screen."""
    return _all(tx, vault, company, day)[0]


def _all(tx: Connection, vault: Vault, company: Company, day: date) -> tuple[list[Rechecked], int]:
    ids = list(tx.scalars(select(scripts.c.id).where(scripts.c.status.in_(LIVE)).order_by(scripts.c.created_at)))
    known: dict[str, tuple[Scope, ...]] = {}
    found: list[Rechecked] = []
    for script_id in ids:
        stored = script_of(tx, vault, script_id)
        product = stored.body.product
        if product not in known:
            known[product] = _scopes(tx, stored.body, day)
        change = changes(company, stored, known[product])
        if change.new or change.gone:
            found.append(change)
    return found, len(ids)


def _scopes(tx: Connection, script: Script, day: date) -> tuple[Scope, ...]:
    return (scope_on(tx, script.product, day),) if script.product else ()


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.section, finding.quoted
