"""Consents per purpose, and the Permit that every reader of personal data demands. Only this file makes a Permit."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, insert, select

from governance.errors import NoConsent
from governance.tables import consents as consents_table

REDACTION = "redaction"  # reading the known names in order to remove them: the one purpose that needs no consent
PURPOSES = {
    "contact": {"zh": "联系", "en": "contact"},
    "training": {"zh": "训练", "en": "training"},
    "retrieval": {"zh": "检索", "en": "retrieval"},
    "analytics": {"zh": "分析", "en": "analytics"},
}


@dataclass(frozen=True, slots=True)
class Permit:
    """The right of `actor` to read the personal data of `subjects` (None: everybody, for redaction only)."""

    actor: str
    purpose: str
    subjects: frozenset[str] | None
    granted_at: datetime
    basis: str

    def __post_init__(self) -> None:
        if (self.subjects is None) != (self.purpose == REDACTION):
            raise ValueError("a permit names its subjects, except for redaction")

    def covers(self, person: str) -> bool:
        """Whether the permit reaches this person."""
        return self.subjects is None or person in self.subjects


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to. `expires_at` is the first moment at which it no longer holds."""

    subject: str
    purpose: str
    given_at: datetime
    expires_at: datetime | None
    withdrawn_at: datetime | None
    channel: str
    text_hash: str | None
    passport: str


State = Literal["live", "expired", "withdrawn", "absent"]


@dataclass(frozen=True, slots=True)
class Standing:
    """`basis`: the consent that lives, that expired last, or that was withdrawn last."""

    state: State
    basis: Consent | None = None


_COLUMNS = [consents_table.c[field.name] for field in fields(Consent)]


def record(tx: Connection, consent: Consent) -> None:
    """Add a consent as it was exported; one that is there already is not added twice, and none is ever changed."""
    if consent not in consents_of(tx, consent.subject):
        tx.execute(insert(consents_table).values(dict(zip((c.name for c in _COLUMNS), astuple(consent), strict=True))))


def consents_of(tx: Connection, person: str) -> list[Consent]:
    """All that was ever recorded of this person, in the order of recording."""
    query = select(*_COLUMNS).where(consents_table.c.subject == person).order_by(consents_table.c.id)
    return [Consent(*row) for row in tx.execute(query)]


def standing(subject: str, purpose: str, consents: Iterable[Consent], now: datetime) -> Standing:
    """
    What a person's consent to a purpose is worth at a moment.

    A withdrawal ends every consent to the purpose given until then, also when a stale export still shows it as live;
    only a consent given afterwards counts.
    """
    given = [c for c in consents if c.subject == subject and c.purpose == purpose and c.given_at <= now]
    withdrawn = max((c.withdrawn_at for c in given if c.withdrawn_at and c.withdrawn_at <= now), default=None)
    kept = [c for c in given if withdrawn is None or c.given_at > withdrawn]
    live = [c for c in kept if c.expires_at is None or c.expires_at > now]
    if live:
        return Standing("live", max(live, key=lambda c: c.given_at))
    if kept:
        return Standing("expired", max(kept, key=lambda c: c.expires_at or c.given_at))
    ended = [c for c in given if c.withdrawn_at and c.withdrawn_at == withdrawn]
    return Standing("withdrawn", ended[-1]) if ended else Standing("absent")


def permit(
    subject: str, purpose: str, consents: Iterable[Consent], *, actor: str, now: datetime, called: str
) -> Permit:
    """
    The right to use the data of `subject` for `purpose`, or NoConsent with the reason.

    `called` is how the message names the person without personal data.
    """
    found = standing(subject, purpose, consents, now)
    if found.state == "live" and found.basis:
        return Permit(actor, purpose, frozenset({subject}), now, f"consent:{found.basis.passport}")
    reason = {"zh": "没有同意记录", "en": "absent"}
    if found.state == "expired" and found.basis and found.basis.expires_at:
        expired = _day(found.basis.expires_at)
        reason = {"zh": f"已于 {expired} 到期", "en": f"expired on {expired}"}
    elif found.state == "withdrawn" and found.basis and found.basis.withdrawn_at:
        withdrawn = _day(found.basis.withdrawn_at)
        reason = {"zh": f"已于 {withdrawn} 撤回", "en": f"withdrawn on {withdrawn}"}
    raise NoConsent(subject=called, purpose=PURPOSES.get(purpose, purpose), reason=reason)


def redaction_permit(actor: str, now: datetime) -> Permit:
    """The right to read the known names in order to remove them; opens `vault.names` and nothing else."""
    return Permit(actor, REDACTION, None, now, "redaction")


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()
