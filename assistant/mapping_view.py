"""Column mappings as the admin judges them: our fields in words, columns, what their cells look like, how sure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from assistant.i18n import Locale, tr
from assistant.knowledge_view import MOST_DECIDED, Queue, Room, on_page
from governance.errors import XinyanError
from rag.company import RECORD_FIELDS
from rag.mapping_proposal import SURE, Export, load_headers
from rag.mapping_sample import samples
from rag.mappings import MACHINE, MappingVersion, proposals, shown
from rag.tables import mappings
from rag.tabular import table_bytes

PER_PAGE = 3  # the file of each is opened
MOST_SAMPLED_BYTES = 20_000_000
SHAPES = 3
_RUNS = ((r"\d", "9"), (r"[A-Za-z]", "A"), (r"[\u3400-\u9fff]", "□"))


@dataclass(frozen=True, slots=True)
class FieldView:
    """`column` "" for a field without one; `shapes`: how its cells are built, never what they say."""

    name: str
    required: bool
    column: str
    percent: int
    sure: bool
    others: str
    shapes: str


@dataclass(frozen=True, slots=True)
class MappingView:
    id: str
    kind: str
    version: int
    file: str
    sheet: str
    proposed_by: str
    proposed_at: datetime
    fields: tuple[FieldView, ...]
    missing: str
    unused: str
    approvable: bool


@dataclass(frozen=True, slots=True)
class MappingDecided:
    id: str
    kind: str
    version: int
    file: str
    state: str
    in_force: bool
    reason: str
    by: str
    at: datetime | None


class _Words:
    """What the kinds of records and their fields are called: the first name that exports use for them."""

    def __init__(self, lang: Locale) -> None:
        self._lang, self._headers = lang, load_headers()

    def kind(self, kind: str) -> str:
        known = self._headers.kinds.get(kind)
        return self._first(known.files, kind) if known else kind

    def field(self, kind: str, field: str) -> str:
        known = self._headers.kinds.get(kind)
        return self._first(known.fields[field].names, field) if known and field in known.fields else field

    def _first(self, names: list[str], otherwise: str) -> str:
        wanted = (name for name in names if name.isascii() == (self._lang == "en"))
        name = next(wanted, otherwise)
        return name[:1].upper() + name[1:]


def mapping_queue(room: Room, page: int) -> Queue[MappingView, MappingDecided]:
    """What waits, and every version that was decided; the one that is read by is marked."""
    versions, words = proposals(room.tx), _Words(room.lang)
    waiting = [each for each in versions if each.state == "proposed"]
    shown_now, page, pages = on_page(waiting, page, PER_PAGE)
    done = [each for each in versions if each.state != "proposed"][:MOST_DECIDED]
    rows = tuple(_view(room, words, each) for each in shown_now)
    return Queue(rows, len(waiting), page, pages, tuple(_decided(words, each) for each in done))


def waiting_mappings(tx: Connection) -> int:
    """How many wait; none is opened."""
    return tx.scalar(select(func.count()).select_from(mappings).where(mappings.c.state == "proposed")) or 0


def _view(room: Room, words: _Words, asked: MappingVersion) -> MappingView:
    matched = {each.field: each for each in asked.matches}
    required, optional = RECORD_FIELDS[asked.kind]
    cells = _shapes(room, asked)
    fields = [
        FieldView(
            words.field(asked.kind, field),
            field in required,
            matched[field].column,
            round(100 * matched[field].confidence),
            matched[field].confidence >= SURE,
            "、".join(matched[field].others),
            cells.get(asked.table.columns[field], ""),
        )
        for field in (*required, *optional)
        if field in matched
    ]
    missing = [words.field(asked.kind, field) for field in asked.missing]
    return MappingView(
        asked.id,
        words.kind(asked.kind),
        asked.version,
        asked.table.file,
        asked.table.sheet or "",
        tr(room.lang, "by_machine") if asked.proposed_by == MACHINE else asked.proposed_by,
        asked.proposed_at,
        tuple(fields),
        "、".join(missing),
        "、".join(asked.unused),
        not missing,
    )


def _shapes(room: Room, asked: MappingVersion) -> Mapping[str, str]:
    """Column → how its cells are built; nothing for a file that is gone, broken or large."""
    folder = room.company.folder.resolve()
    path = (folder / asked.table.file).resolve()
    if not path.is_relative_to(folder) or not path.is_file() or path.stat().st_size > MOST_SAMPLED_BYTES:
        return {}
    try:
        found = samples(table_bytes(asked.table.file, path.read_bytes()), asked.table.file)
    except (XinyanError, OSError):
        return {}
    sheet = asked.table.sheet
    export = next((each for each in found if not sheet or each.sheet == sheet), None)
    return {column: _built(export, column) for column in export.header} if export else {}


def _built(export: Export, column: str) -> str:
    kinds = dict.fromkeys(shape(cell) for cell in export.column(column)[:200] if cell)
    return " · ".join(list(kinds)[:SHAPES])


def shape(cell: str) -> str:
    """How a cell is built: each digit a 9, each letter an A, each Chinese character a □; runs are cut."""
    text = shown(cell)
    for pattern, mark in _RUNS:
        text = re.sub(pattern, mark, text)
    return re.sub(r"(9{5}|A{4}|□{4})[9A□]+", r"\1…", text)


def _decided(words: _Words, done: MappingVersion) -> MappingDecided:
    return MappingDecided(
        done.id,
        words.kind(done.kind),
        done.version,
        done.table.file,
        done.state,
        done.in_force,
        done.note,
        done.decided_by or "",
        done.decided_at,
    )
