"""The gate: an adapter is released when every figure reaches its threshold. Releases are appended, never changed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from eval.scoring import Figures
from governance.errors import GateFailed, NotFound
from governance.ledger import append
from sandbox.tables import adapters, releases


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


def record_release(
    tx: Connection, adapter: Adapter, figures: Mapping[str, Figures], *, by: str, now: datetime, gate: Gate = THRESHOLDS
) -> list[Failed]:
    """Append the decision, passed or not, with the figures; returns what failed. The same decision is not repeated."""
    failed = judge(figures, gate)
    newest = tx.execute(select(releases).order_by(releases.c.number.desc()).limit(1)).mappings().one_or_none()
    said = [str(each) for each in failed]
    if newest and newest["adapter"] == adapter.hash and newest["failed"] == said:
        return failed
    kept: dict[str, Any] = {when: asdict(each) for when, each in figures.items()}
    row = {"adapter": adapter.hash, "passed": not failed, "figures": kept, "failed": said, "by": by, "at": now}
    tx.execute(insert(releases).values(**row))
    after = figures["after"]
    detail = {"dataset": adapter.dataset, "value_copy": after.value_copy, "unsupported": after.unsupported_values}
    event = "adapter_refused" if failed else "adapter_released"
    append(tx, actor=by, event=event, subject=adapter.hash, detail=detail, now=now)
    return failed


def gate_failed(failed: list[Failed]) -> GateFailed:
    """The error that names the figures."""
    return GateFailed(figures="; ".join(map(str, failed)))


def roll_back(tx: Connection, adapter: str, *, by: str, now: datetime) -> Adapter:
    """Put an adapter in force again that was released before. Raises NotFound for one that never passed."""
    query = select(releases).where(releases.c.adapter == adapter, releases.c.passed).order_by(releases.c.number.desc())
    row = tx.execute(query.limit(1)).mappings().one_or_none()
    if row is None:
        raise NotFound(kind={"zh": "已发布过的适配器", "en": "adapter that was released before"}, name=adapter[:12])
    again = {"adapter": adapter, "passed": True, "figures": row["figures"], "failed": [], "by": by, "at": now}
    tx.execute(insert(releases).values(**again))
    append(tx, actor=by, event="adapter_rolled_back", subject=adapter, detail={}, now=now)
    return adapter_of(tx, adapter)


def released_adapter(tx: Connection) -> Adapter | None:
    """The one in force; None when none has passed yet."""
    query = select(releases.c.adapter).where(releases.c.passed).order_by(releases.c.number.desc()).limit(1)
    name = tx.scalar(query)
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
