"""After a start: what the first script and the first edit would wait for is loaded while nobody waits."""

import logging
from collections.abc import Iterator

from assistant.parts import Parts
from governance.db import reading
from governance.errors import XinyanError
from rag.customers import customers
from sandbox.registry import is_tainted
from sandbox.release import alias_of
from sandbox.rollout import running_rollout

log = logging.getLogger(__name__)


def warm(parts: Parts) -> None:
    """Load the model with the adapters in force, if there are any, then the redactor. What fails is left to its use."""
    try:
        for adapter in in_force(parts):
            parts.load(adapter)
    except (XinyanError, OSError) as wrong:
        log.warning("model not loaded ahead: %s", type(wrong).__name__)
    with reading(parts.db) as tx:
        empty = not customers(tx)
    if empty:  # nothing to edit yet, and an import makes another one
        return
    try:
        _ = parts.redactor
    except (XinyanError, OSError) as wrong:
        log.warning("redactor not built ahead: %s", type(wrong).__name__)


def in_force(parts: Parts) -> list[str]:
    """Every adapter that a script may be written with today: in force for a stage or for all, or being released."""
    with reading(parts.db) as tx:
        stages = ["", *(name for name, stage in parts.company.phrases.stages.items() if stage.trained)]
        running = [row for stage in stages if (row := running_rollout(tx, stage)) is not None]
        named: Iterator[str | None] = (alias_of(tx, stage) for stage in stages)
        names = dict.fromkeys([*named, *(row[key] for row in running for key in ("baseline", "candidate"))])
        return [name for name in names if name and not is_tainted(tx, name)]
