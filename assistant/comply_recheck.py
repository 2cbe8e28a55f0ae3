"""Live scripts against the rules in force today: what a changed rule, or a certificate that ended, would now stop."""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from threading import Lock

from sqlalchemy import Connection, Engine, select

from assistant.comply import check_sections, missing_phrases
from assistant.comply_scope import Scope, Scopes, scopes_on
from assistant.script import Finding, Script
from assistant.store import Stored, script_of
from assistant.tables import scripts
from governance import ledger
from governance.db import reading
from governance.vault import Vault
from rag.company import Company

LIVE = ("draft", "waiting", "approved")
STOPPING = ("block", "must_say")
SUBJECT = "rules"  # the ledger's name for the rules as a whole
EVENT = "rules.rechecked"
STOPPED, FLAGGED, CLEARED = "script.stopped_by_rules", "script.flagged_by_rules", "script.cleared_by_rules"


@dataclass(frozen=True, slots=True)
class Rechecked:
    """A live script whose findings are not those it was stored with."""

    script: str
    status: str
    new: tuple[Finding, ...]
    gone: tuple[Finding, ...]

    @property
    def is_stopped(self) -> bool:
        """Whether a rule that blocks, or demands words, fires now and did not before."""
        return bool(self.stops)

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The findings for which it may not be used."""
        return tuple(finding for finding in self.new if finding.severity in STOPPING)

    @property
    def event(self) -> str:
        """How the ledger calls the state that it is in."""
        return STOPPED if self.is_stopped else FLAGGED if self.new else CLEARED


class Rechecks:
    """
    What is found of live scripts, remembered while rules, day and certificates stay the same: a stored text never
    changes. Shared between threads.
    """

    def __init__(self) -> None:
        self._lock, self._state, self._found = Lock(), ("", date.min, ()), dict[str, Rechecked]()

    def of(
        self, tx: Connection, vault: Vault, company: Company, day: date, ids: Collection[str] | None = None
    ) -> list[Rechecked]:
        """Those live scripts (of `ids`) whose findings changed, the oldest first."""
        known = scopes_on(tx, "", day).known
        state: tuple[str, date, tuple[Scope, ...]] = (pack_digest(company), day, known)
        live = _live(tx, ids)
        with self._lock:
            if state != self._state:
                self._state, self._found = state, {}
            found = self._found
        for script in live.keys() - found.keys():
            stored = script_of(tx, vault, script)
            found[script] = changes(company, stored, Scopes(stored.body.product, known))
        each = (replace(found[script], status=status) for script, status in live.items())
        return [change for change in each if change.new or change.gone]


def pack_digest(company: Company) -> str:
    """A hash over every rule in force and every sentence that must be said, as they are read."""
    content = [pack.model_dump(mode="json") for pack in company.packs]
    said = {name: phrase.model_dump(mode="json") for name, phrase in company.phrases.must_say.items()}
    asked = {name: stage.must_say for name, stage in company.phrases.stages.items()}
    text = json.dumps([content, said, asked], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def findings_today(company: Company, script: Script, scopes: Scopes) -> list[Finding]:
    """What the rules in force and the certificates say of a script; pure."""
    said = {part.id: "\n".join(line.text for line in part.sentences) for part in script.sections}
    found = check_sections(company, script.sections, script.language)
    found += [each for part, text in said.items() for each in scopes.findings(text, script.language, part)]
    if script.stage in company.phrases.stages:
        found += missing_phrases(company, script.stage, script.language, said)
    return found


def changes(company: Company, stored: Stored, scopes: Scopes) -> Rechecked:
    """New and gone findings of one script, by rule, section and quoted words."""
    before = {_key(each) for each in stored.body.findings}
    today = findings_today(company, stored.body, scopes)
    after = {_key(each) for each in today}
    new = tuple(each for each in today if _key(each) not in before)
    gone = tuple(each for each in stored.body.findings if _key(each) not in after)
    return Rechecked(stored.id, stored.status, new, gone)


def stopped_now(tx: Connection, company: Company, stored: Stored, day: date) -> tuple[Finding, ...]:
    """What stops this script today and did not when it was written; () for one that is not live."""
    if stored.status not in LIVE:
        return ()
    return changes(company, stored, scopes_on(tx, stored.body.product, day)).stops


def is_due(tx: Connection, company: Company, day: date) -> bool:
    """Whether the rules changed, or a day passed, since live scripts were last checked."""
    event = ledger.latest(tx, [SUBJECT], [EVENT]).get(SUBJECT)
    seen = event.detail if event else {}
    return (seen.get("digest"), seen.get("day")) != (pack_digest(company), day.isoformat())


def recheck(
    db: Engine,
    vault: Vault,
    company: Company,
    *,
    now: datetime | None = None,
    by: str = "system",
    force: bool = False,
    memory: Rechecks | None = None,
) -> list[Rechecked] | None:
    """
    Every live script whose findings changed; None when neither the rules nor the day changed since the last time.

    The ledger keeps the digest of the rules and the day, and each script from when on it is stopped, flagged or free.
    """
    at = now or datetime.now(UTC)
    with reading(db) as tx:
        if not force and not is_due(tx, company, at.date()):
            return None
        found = (memory or Rechecks()).of(tx, vault, company, at.date())
        live = _live(tx, None)
        before = ledger.latest(tx, live, [STOPPED, FLAGGED, CLEARED])
    digest = pack_digest(company)
    stopped = sum(each.is_stopped for each in found)
    with db.begin() as tx:
        detail = {"digest": digest, "day": at.date().isoformat(), "scripts": len(live), "stopped": stopped}
        ledger.append(tx, actor=by, event=EVENT, subject=SUBJECT, detail=detail, now=at)
        for each in (*found, *_freed(found, before)):
            said = {"rules": ",".join(sorted({f.rule for f in each.new}))[: ledger.LONGEST_TEXT]}
            last = before.get(each.script)
            if (last.event, last.detail.get("rules")) != (each.event, said["rules"]) if last else each.new:
                detail = said | {"digest": digest}
                ledger.append(tx, actor=by, event=each.event, subject=each.script, detail=detail, now=at)
    return found


def since(tx: Connection, ids: Iterable[str]) -> dict[str, datetime]:
    """From when on each of these scripts is stopped or flagged as it is, as far as it was noted."""
    noted = ledger.latest(tx, ids, [STOPPED, FLAGGED, CLEARED])
    return {script: event.at for script, event in noted.items() if event.event != CLEARED}


def affected(tx: Connection, vault: Vault, company: Company, day: date) -> list[Rechecked]:
    """What `recheck` would list, without noting it."""
    return Rechecks().of(tx, vault, company, day)


def _live(tx: Connection, ids: Collection[str] | None) -> dict[str, str]:
    """Script → status, the oldest first."""
    query = select(scripts.c.id, scripts.c.status).where(scripts.c.status.in_(LIVE)).order_by(scripts.c.created_at)
    wanted = None if ids is None else frozenset(ids)
    return {row.id: row.status for row in tx.execute(query) if wanted is None or row.id in wanted}


def _freed(found: Iterable[Rechecked], before: dict[str, ledger.Event]) -> list[Rechecked]:
    """Scripts that were stopped or flagged, and that nothing is held against now."""
    held = {each.script for each in found}
    return [Rechecked(script, "", (), ()) for script in before if script not in held]


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.section, finding.quoted
