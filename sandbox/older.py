"""Adapters of a home from before there were signatures: signed late, and only when the records vouch for them."""

import json
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from governance.errors import Refused
from governance.ledger import append, events_of, verify
from governance.signing import open_signing_key
from sandbox.card import FILES, file_sha256, read_card, sign_card, write_statement
from sandbox.registry import SERVABLE, approvals_of, report_hash, state_of
from sandbox.release import adapter_of


def sign_older(tx: Connection, adapter: str, *, keys: Path, by: str, now: datetime) -> None:
    """
    Sign the card of an adapter that this machine trained, and its approval when it is approved.

    Raises NotFound, Corrupt, or Refused when its row, its card and the unbroken ledger do not say the same.
    """
    found = adapter_of(tx, adapter)
    card = json.loads(read_card(found.folder, adapter))
    whole = all(file_sha256(found.folder / file) == card["files"].get(file) for file in FILES)
    if not whole or (card.get("dataset"), card.get("base")) != (found.dataset, found.base):
        raise _refused("它的文件、卡片与数据库不一致", "its files, its card and the database disagree")
    verify(tx)
    if "adapter_trained" not in {event.event for event in events_of(tx, adapter)}:
        raise _refused("台账中没有训练它的记录", "the ledger holds no training of it")
    key = open_signing_key(keys)
    sign_card(found.folder, adapter, key)
    if (state := state_of(tx, adapter)) in SERVABLE:
        people = [each.by for each in approvals_of(tx, adapter) if each.decision == "approve"]
        report, at = report_hash(tx, adapter), now.isoformat()
        write_statement(found.folder, adapter, key, report=report, state="approved", approvers=people, at=at)
    append(tx, actor=by, event="adapter_signed", subject=adapter, detail={"key": key.id, "state": state}, now=now)


def _refused(zh: str, en: str) -> Refused:
    return Refused(reason={"zh": f"不予签名：{zh}", "en": f"not signed: {en}"})
