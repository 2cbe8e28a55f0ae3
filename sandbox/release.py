"""The gate: every figure must reach its threshold before anyone may approve; and which adapter is in force."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from eval.scoring import Figures
from governance.errors import GateFailed, NotFound
from governance.ledger import append
from sandbox.tables import adapters, aliases, releases


@dataclass(frozen=True, slots=True)
class Adapter:
    """A trained adapter; `hash` is its folder's name and the name under which it is served."""

    hash: str
    key: str
    dataset: str
    base: str
    folder: Path
    seconds: float
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Gate:
    """`value_copy`, `must_say` and `stop_rate` must reach their number, the others must not exceed theirs."""

    value_copy: float = 0.95
    unsupported_values: float = 0.01
    must_say: float = 0.98
    stop_rate: float = 0.98
    wrong_type: float = 0.03


@dataclass(frozen=True, slots=True)
class Failed:
    """One figure that did not pass; `sign` is how it should compare with `needs`."""

    name: str
    value: float
    sign: str
    needs: float

    def __str__(self) -> str:
        return f"{self.name} {self.value:.3f} ({self.sign} {self.needs:.3f})"


THRESHOLDS = Gate()
_AT_LEAST = ("value_copy", "must_say", "stop_rate")


def judge(figures: Mapping[str, Figures], gate: Gate = THRESHOLDS) -> list[Failed]:
    """What keeps the adapter back; empty when it may be released. The held-out loss must have fallen as well."""
    before, after = figures["before"], figures["after"]
    failed: list[Failed] = []
    for name, needs in asdict(gate).items():
        value, low = float(getattr(after, name)), name in _AT_LEAST
        if not (value >= needs if low else value <= needs):  # also for a figure that is no number
            failed.append(Failed(name, value, ">=" if low else "<=", needs))
    if not after.heldout_loss < before.heldout_loss:
        failed.append(Failed("heldout_loss", after.heldout_loss, "<", before.heldout_loss))
    return failed


def record_gate(
    tx: Connection,
    adapter: str,
    figures: Mapping[str, Figures],
    failed: Sequence[Failed],
    *,
    by: str,
    now: datetime,
) -> None:
    """Append what the gate says, passed or not, with the figures; said twice in a row, it is kept once."""
    newest = gate_row(tx, adapter)
    said = [str(each) for each in failed]
    if newest is not None and newest["failed"] == said:
        return
    kept = {when: _plain(asdict(each)) for when, each in figures.items()}
    row = {"adapter": adapter, "passed": not failed, "figures": kept, "failed": said, "by": by, "at": now}
    tx.execute(insert(releases).values(**row))
    after = kept["after"]
    detail = {"failed": len(failed), "value_copy": after["value_copy"], "unsupported": after["unsupported_values"]}
    event = "adapter_refused" if failed else "adapter_passed"
    append(tx, actor=by, event=event, subject=adapter, detail=detail, now=now)


def _plain(figures: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it: what was not measured is null."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in figures.items()}


def gate_row(tx: Connection, adapter: str) -> RowMapping | None:
    """What the gate said of the adapter last; None when it was not measured."""
    query = select(releases).where(releases.c.adapter == adapter).order_by(releases.c.number.desc()).limit(1)
    return tx.execute(query).mappings().one_or_none()


def gate_failed(failed: Sequence[Failed]) -> GateFailed:
    """The error that names the figures."""
    return GateFailed(figures="; ".join(map(str, failed)))


def alias_of(tx: Connection, stage: str = "") -> str | None:
    """The adapter in force for a stage, its own or that of all stages; None: the plan's own wording."""
    for each in dict.fromkeys((stage, "")):
        query = select(aliases).where(aliases.c.stage == each).order_by(aliases.c.number.desc()).limit(1)
        if (row := tx.execute(query).mappings().one_or_none()) is not None:
            return row["adapter"]
    return None


def released_adapter(tx: Connection, stage: str = "") -> Adapter | None:
    """The one in force; None when none is."""
    name = alias_of(tx, stage)
    return adapter_of(tx, name) if name else None


def adapter_of(tx: Connection, name: str) -> Adapter:
    """Raises NotFound."""
    row = tx.execute(select(adapters).where(adapters.c.hash == name)).mappings().one_or_none()
    if row is None:
        raise NotFound(kind={"zh": "适配器", "en": "adapter"}, name=name[:12])
    return adapter_row(row)


def adapter_row(row: Any) -> Adapter:
    """A row of the table as an adapter."""
    return Adapter(
        row["hash"],
        row["key"],
        row["dataset"],
        row["base"],
        Path(row["folder"]),
        row["seconds"],
        row["created_at"],
    )
