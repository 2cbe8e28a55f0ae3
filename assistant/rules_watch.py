"""While the server runs: rule packs are read again when somebody changed them, and live scripts are rechecked daily."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from assistant.comply_recheck import Rechecked, recheck
from assistant.parts import Parts, utc_now
from governance.errors import XinyanError
from rag.company import load_company
from rag.rule_pack import PACKS

log = logging.getLogger(__name__)
EVERY = 60.0  # seconds
Stamp = frozenset[tuple[str, int, int]]


class RulesWatch:
    """A pack that is broken while somebody edits it changes nothing: the rules read last stay in force."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._read = parts, stamp_of(parts)

    def look(self, now: datetime) -> list[Rechecked] | None:
        """Once: what the rules of today say of live scripts; None when they and the day are as they were."""
        parts = self._parts
        if (stamp := stamp_of(parts)) != self._read:
            self._read = stamp
            try:
                parts.company = replace(parts.company, packs=load_company(parts.settings.company).packs)
            except XinyanError as broken:
                log.warning("rule packs not read: %s", broken.say("en"))
        return recheck(parts.db, parts.vault, parts.company, now=now, memory=parts.rechecks)

    def keep(self, stop: Event) -> None:
        """Until `stop` is set; a database that is busy is asked again the next time."""
        while True:
            try:
                self.look(utc_now())
            except (XinyanError, SQLAlchemyError) as wrong:
                log.warning("scripts not rechecked: %s", type(wrong).__name__)
            if stop.wait(EVERY):
                return


def stamp_of(parts: Parts) -> Stamp:
    """Name, size and time of every file that may hold rules."""
    return frozenset(_stamps(PACKS)) | frozenset(_stamps(parts.settings.company))


def _stamps(folder: Path) -> Iterator[tuple[str, int, int]]:
    for path in folder.glob("*.yaml"):
        try:
            seen = path.stat()
        except FileNotFoundError:  # an editor is putting a new one in its place
            continue
        yield path.name, seen.st_size, seen.st_mtime_ns
