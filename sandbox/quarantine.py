"""What the gates kept back, and what an admin decides about it; a decision holds for every later data set."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import Connection, insert, select, update

from governance.errors import Conflict, Invalid, NotFound, Refused
from governance.ledger import LONGEST_TEXT, append
from governance.vault import Vault
from rag.company import Bilingual
from sandbox.dataset import kept_back, open_sample
from sandbox.gates import Kind, is_resolvable
from sandbox.tables import dataset_samples, datasets, quarantine_decisions

Decision = Literal["release", "discard"]


@dataclass(frozen=True, slots=True)
class Held:
    """One sample that waits. `decision` None: nobody has decided about all that was found in it."""

    sample_id: str
    kind: Kind
    reason: Bilingual
    text: str
    document: str
    resolvable: bool
    decision: Decision | None


def quarantine(tx: Connection, vault: Vault, dataset: str) -> list[Held]:
    """What was kept back from a data set; people in it are pseudonyms."""
    rows, decided = dataset_samples, quarantine_decisions
    query = (
        select(rows, decided.c.decision, decided.c.covers)
        .join(decided, decided.c.sample == rows.c.sample, isouter=True)
        .where(rows.c.dataset == dataset, rows.c.part == "quarantine")
        .order_by(rows.c.position)
    )
    found: list[Held] = []
    for row in tx.execute(query).mappings():
        each = kept_back(open_sample(vault, row["sample"], row["sealed"]), row)
        settled = row["decision"] == "discard" or set(each.caught) <= set(row["covers"] or ())
        text = f"{each.sample.prompt}\n{each.sample.answer}".strip()
        where, decision = each.sample.document or each.sample.unit, row["decision"] if settled else None
        found.append(Held(row["sample"], each.kind, each.reason, text, where, each.resolvable, decision))
    return found


def resolve(tx: Connection, sample: str, decision: str, *, reason: str, by: str, now: datetime) -> None:
    """
    Let a false alarm through from the next data set on, or discard the sample for good.

    Raises NotFound for a sample that is in no quarantine, Invalid without a reason, Refused for a release of what no
    person may let through, Conflict for what is decided already; only a release can be taken back, by discarding.
    """
    if decision not in get_args(Decision):
        raise Invalid(
            reason={
                "zh": f"决定只能是 release 或 discard，不能是“{decision}”",
                "en": f"'{decision}' is no decision: release or discard",
            }
        )
    if not reason.strip():
        raise Invalid(reason={"zh": "请写明理由", "en": "a reason is needed"})
    caught = _caught(tx, sample)
    if decision == "release" and not is_resolvable(caught):
        raise Refused(
            reason={"zh": "此类内容只能丢弃，不能放行", "en": "this kind can only be discarded, never released"}
        )
    decided = quarantine_decisions
    row = tx.execute(select(decided).where(decided.c.sample == sample)).mappings().one_or_none()
    if row and (row["decision"] == "discard" or (decision == "release" and set(caught) <= set(row["covers"]))):
        raise Conflict(reason={"zh": "该样本已有决定", "en": "this sample has been decided about already"})
    covers = sorted({*caught, *(row["covers"] if row else ())}) if decision == "release" else list(caught)
    values = {"decision": decision, "covers": covers, "reason": reason.strip(), "by": by, "at": now}
    tx.execute(
        update(decided).where(decided.c.sample == sample).values(**values)
        if row
        else insert(decided).values(sample=sample, **values)
    )
    detail = {"kinds": ",".join(caught)[:LONGEST_TEXT], "reason": reason.strip()[:LONGEST_TEXT]}
    append(tx, actor=by, event=f"quarantine_{decision}", subject=sample, detail=detail, now=now)


def releases(tx: Connection) -> dict[str, frozenset[str]]:
    """Sample → what was let through in it."""
    decided = quarantine_decisions.c
    query = select(decided.sample, decided.covers).where(decided.decision == "release")
    return {row.sample: frozenset(row.covers) for row in tx.execute(query)}


def _caught(tx: Connection, sample: str) -> tuple[str, ...]:
    """What was found in it when it was last kept back."""
    rows = dataset_samples.c
    query = select(rows.caught).join(datasets, datasets.c.hash == rows.dataset)
    query = query.where(rows.sample == sample, rows.part == "quarantine").order_by(datasets.c.created_at.desc())
    if (row := tx.execute(query.limit(1)).mappings().one_or_none()) is None:
        raise NotFound(kind={"zh": "隔离样本", "en": "sample in quarantine"}, name=sample[:64])
    return tuple(row["caught"] or ["purpose"])
