"""Pasted conversations as documents of their own: tokenised, sealed, cited by their summary, kept out of everything."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Engine, select

from governance import ledger
from governance.db import reading
from governance.errors import Invalid, Withdrawn
from governance.passport import issue
from governance.redact import Redactor
from governance.vault import Vault, keep
from rag import tables
from rag.blocks import Document, clean, language_of
from rag.dependants import note
from rag.filing import Seen, add_document
from rag.hostile import is_hostile
from rag.passages import parts
from rag.proposals import Proposal, Proposed, propose
from rag.sources import Source, add_sources, source_id

LONGEST_PASTED = 100_000
PURPOSE = "summary"  # neither retrieval nor training: nobody agreed to either
MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation that may be chosen."""

    id: str
    name: str
    day: date | None


def file_conversation(
    db: Engine, vault: Vault, redactor: Redactor, text: str, *, customer: str, day: date | None, by: str, now: datetime
) -> str:
    """The id of the document; the same text of the same customer gives the same one. Raises Invalid."""
    said = clean(text)
    if not said:
        raise Invalid(reason={"zh": "请粘贴沟通内容", "en": "paste the conversation"})
    if len(said) > LONGEST_PASTED:
        reason = {
            "zh": f"超过 {LONGEST_PASTED} 字，请分段整理",
            "en": f"longer than {LONGEST_PASTED} characters; do it in parts",
        }
        raise Invalid(reason=reason)
    digest = hashlib.sha256("\n".join([customer, str(day), said]).encode()).hexdigest()
    id_ = "n_" + digest[:24]
    with reading(db) as tx:
        if tx.scalar(select(tables.documents.c.id).where(tables.documents.c.id == id_)):
            return id_
    hidden, people = redactor.tokenise(said, scope=digest, vault=vault)  # takes time: no transaction is open
    name = f"沟通记录 {day or now.date()} {digest[:6]}"
    with db.begin() as tx:
        passport = issue(tx, kind="document", origin=name, sha256=digest, purposes=[PURPOSE], channel="pasted", now=now)
        for person, values in people.items():
            try:
                keep(tx, vault, person, values, passport=passport.id, now=now)
            except Withdrawn:
                continue  # who was forgotten stays so
        document = Document(name, "text", language_of([hidden]), (), day)
        add_document(tx, id_, Seen(name, digest, PURPOSE), "text", document, passport.id, now)
        add_sources(tx, vault, _sources(id_, name, day, hidden, passport.id))
        detail = {"characters": len(said), "customer": customer}
        ledger.append(tx, actor=by, event="conversation_filed", subject=id_, detail=detail, now=now)
    return id_


def conversations(tx: Connection) -> list[Listed]:
    """Mails, dialogues and notes among the documents that are in force, the newest first."""
    d = tables.documents.c
    talks = d.kind.in_(("mail", "dialogue")) | d.name.regexp_match("纪要|记录|沟通|邮件|minutes|call|mail|notes")
    current = select(tables.files.c.document)
    query = select(d.id, d.name, d.date).where(d.id.in_(current), talks).order_by(d.date.desc(), d.name)
    return [Listed(*row) for row in tx.execute(query.limit(MOST_LISTED))]


def submit(tx: Connection, asked: Sequence[Proposal], document: str, *, by: str, now: datetime) -> Proposed:
    """Put them before a coordinator; the summary rests on what is known from its document, and is flagged with it."""
    done = propose(tx, asked, now)
    of_document = select(tables.sources.c.id).where(tables.sources.c.document == document)
    stated = list(tx.scalars(select(tables.facts.c.id).where(tables.facts.c.source.in_(of_document))))
    note(tx, f"sum_{document}", "summary", {"tasks": sorted({*stated, *done.live})}, now)
    detail = {"proposed": len(asked), "new": done.new}
    ledger.append(tx, actor=by, event="summary_submitted", subject=document, detail=detail, now=now)
    return done


def _sources(document: str, name: str, day: date | None, text: str, passport: str) -> list[Source]:
    found: list[Source] = []
    for position, (piece, hostile) in enumerate(_pieces(text)):
        id_ = source_id(document, str(position), piece)
        found.append(Source(id_, document, name, "passage", None, None, "", day, piece, hostile, passport, position))
    return found


def _pieces(text: str) -> list[tuple[str, bool]]:
    """Lines together up to the length of a passage; one that gives orders stands alone."""
    found: list[tuple[str, bool]] = []
    held: list[str] = []

    def flush() -> None:
        if held:
            found.extend((piece, False) for piece in parts("\n".join(held)))
            held.clear()

    for line in text.split("\n"):
        if is_hostile(line):
            flush()
            found.extend((piece, True) for piece in parts(line))
        else:
            held.append(line)
    flush()
    return found
