"""One export into the database, row by row in batches: a killed import goes on behind its last batch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from sqlalchemy import Engine

from governance.db import reading
from governance.errors import BadRecord
from rag.company import Table
from rag.entries import Desk, Entry, digest_of, make_entry
from rag.filing import Problem, Seen, sha256
from rag.filing_rows import Batch, begin_import, end_import, file_batch, known_rows, rows_done
from rag.hierarchy import Placed, hierarchy
from rag.records import Row, read_rows
from rag.tabular import TableFile

Progress = Callable[[str, int, int], None]  # file or step, how many rows or files are done, of how many
ROWS_A_BATCH = 2_000
ROWS_A_STEP = 100


@dataclass(frozen=True, slots=True)
class Order:
    """What to import: the file and its columns, as which version of which export, and in batches of how many rows."""

    desk: Desk
    table: Table
    file: TableFile
    seen: Seen
    rows_a_batch: int = ROWS_A_BATCH

    @property
    def document(self) -> str:
        """The id of this version: other bytes or another profile make another one."""
        return "e_" + sha256("\n".join((self.seen.name, self.seen.sha256, self.seen.profile)).encode())[:24]


@dataclass(slots=True)
class Imported:
    """
    What came in anew. `rows` were read in this run and are right, `unchanged` of them were known; `resumed`: the row
    behind which the run went on.
    """

    rows: int = 0
    unchanged: int = 0
    resumed: int = 0
    sources: int = 0
    facts: int = 0
    people: int = 0
    retired: int = 0
    problems: list[Problem] = field(default_factory=list[Problem])


def import_rows(db: Engine, order: Order, on_progress: Progress) -> Imported:
    """
    Each batch is one transaction, the last one also retires what vanished rows stated.

    Raises UnreadableFile and WrongHeaders before anything is written, UnreadableFile also for a file that is changed
    meanwhile: the batches filed so far stay, and the next import of the new bytes puts right what they did.
    """
    desk, seen = order.desk, order.seen
    with reading(db) as tx:  # a customer's place in the hierarchy depends on other rows, so those are made anew
        known = {} if desk.kind == "customers" else known_rows(tx, seen)
        done = rows_done(tx, seen)
    rows = read_rows(order.file, desk.kind, order.table, after=done)
    with db.begin() as tx:
        begin_import(tx, seen, order.document, desk.now)
    result = Imported(resumed=done)

    def step(row: int) -> None:
        on_progress(seen.name, row, max(row, order.file.lines))

    batch, more = _first(rows, order.rows_a_batch)
    while True:
        prepared = _prepare(desk, batch, known, done, step)
        done = prepared.last_row
        following, more = _first(rows, order.rows_a_batch) if more else ([], False)
        if not following:
            order.file.refuse_if_changed()
        with db.begin() as tx:
            filed = file_batch(tx, desk.vault, desk.company, seen, order.document, prepared, desk.now)
            result.rows += len(prepared.entries) + len(prepared.unchanged)
            result.unchanged += len(prepared.unchanged)
            result.sources += filed.sources
            result.facts += filed.facts
            result.people += filed.people
            result.problems += filed.problems
            if not following:
                result.retired = end_import(tx, seen, order.document, _counts(result), desk.now)
        if not following:
            on_progress(seen.name, done, done)
            return result
        step(done)
        batch = following


def placed_customers(order: Order) -> Desk:
    """The desk with the hierarchy of the customers; it takes a reading of its own, for a parent may stand below."""
    desk = order.desk
    if desk.kind != "customers" or "parent" not in order.table.columns:
        return desk
    rows = (row for row in read_rows(order.file, desk.kind, order.table) if isinstance(row, Row))
    parents, wrong = hierarchy(Placed(row.get("id"), row.get("name"), row.get("parent")) for row in rows)
    return replace(desk, known=replace(desk.known, parents=parents, wrong_parents=wrong))


def _first(rows: Iterator[Row | BadRecord], count: int) -> tuple[list[Row | BadRecord], bool]:
    """The next rows, and whether there may be more."""
    found = list(islice(rows, count))
    return found, len(found) == count


def _prepare(
    desk: Desk, batch: list[Row | BadRecord], known: dict[bytes, str], done: int, step: Callable[[int], None]
) -> Batch:
    """No transaction is open here: free text is analysed, which takes time."""
    entries: list[Entry] = []
    unchanged: list[tuple[str, int]] = []
    problems: list[BadRecord] = []
    for count, row in enumerate(batch, start=1):
        if isinstance(row, BadRecord):
            problems.append(row)
            continue
        digest = digest_of(desk, row)
        if source := known.get(bytes.fromhex(digest)):
            unchanged.append((source, row.number))
            continue
        try:
            entries.append(make_entry(desk, row, digest))
        except BadRecord as wrong:
            problems.append(wrong)
        if count % ROWS_A_STEP == 0 and count < len(batch):
            step(row.number)
    last = batch[-1] if batch else None
    last_row = done if last is None else last.number if isinstance(last, Row) else int(str(last.data["row"]))
    return Batch(entries, unchanged, problems, last_row)


def _counts(result: Imported) -> dict[str, int]:
    """For the ledger; of a resumed import those of its last run."""
    return {
        "rows": result.rows,
        "resumed_behind": result.resumed,
        "facts": result.facts,
        "people": result.people,
        "problems": len(result.problems),
    }
