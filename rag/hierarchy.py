"""Who stands above whom among the customers of one export: unknown parents and circles are named. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SHOWN = 6  # customers of a circle that are named


@dataclass(frozen=True, slots=True)
class Placed:
    """A customer of the export; `parent` is an id or a name, "" for none."""

    id: str
    name: str
    parent: str


def hierarchy(placed: Iterable[Placed]) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """Customer → the one above it, and customer → why its parent (in zh, en) cannot be. The first rows count first."""
    rows = list(placed)
    ids = {row.id for row in rows}
    names: dict[str, str] = {}
    for row in rows:
        names[row.name] = "" if row.name in names else row.id  # two of one name are no answer
    parents: dict[str, str] = {}
    roots: dict[str, str] = {}
    wrong: dict[str, tuple[str, str]] = {}
    for row in rows:
        if not row.parent:
            continue
        above = row.parent if row.parent in ids else names.get(row.parent, "")
        if not above:
            said = row.parent[:40]
            wrong[row.id] = (f"上级“{said}”不是已知的客户编号", f"the parent '{said}' is not a known customer")
        elif _root(above, roots) == row.id:
            circle = _circle(row.id, above, parents)
            wrong[row.id] = (f"上级关系形成循环：{circle}", f"the parents form a circle: {circle}")
        else:
            parents[row.id] = roots[row.id] = above
    return parents, wrong


def _root(id_: str, roots: dict[str, str]) -> str:
    """The topmost customer above `id_`; paths are shortened on the way, so that deep chains cost little."""
    path: list[str] = []
    while id_ in roots:
        path.append(id_)
        id_ = roots[id_]
    for each in path:
        roots[each] = id_
    return id_


def _circle(start: str, above: str, parents: Mapping[str, str]) -> str:
    path, here = [start], above
    while here != start:
        path.append(here)
        here = parents[here]
    shown = path if len(path) <= SHOWN else [*path[: SHOWN - 1], "…"]
    return " → ".join(each[:40] for each in [*shown, start])
