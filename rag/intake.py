"""What a reader of one file is told, and what it hands over besides blocks."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from governance.errors import UnreadableFile
from rag.blocks import Document

OnPage = Callable[[int, int], None]  # how many pages are read, of how many
MOST_PAGES = 500
LONGEST_NAME = 280
WITHIN = " › "


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within a file: in a mail or an archive; `name` begins with the outer file's."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file gave: a document (an archive is none), the files inside it, and those inside that are refused."""

    document: Document | None
    attachments: tuple[Attachment, ...]
    refused: tuple[UnreadableFile, ...]


def _nothing(_done: int, _total: int) -> None:
    """For callers that show no progress."""


@dataclass(slots=True)
class Task:
    """`labels`: those of the company's documents. The reader adds what it left out and what it found inside."""

    name: str
    labels: Collection[str]
    on_page: OnPage = _nothing
    unsure: int = 0
    attachments: list[Attachment] = field(default_factory=list[Attachment])
    refused: list[UnreadableFile] = field(default_factory=list[UnreadableFile])


def within(outer: str, inner: str) -> str:
    """The name of a file inside another one; at most 280 characters, the inner end counts."""
    whole = f"{outer}{WITHIN}{inner}"
    return whole if len(whole) <= LONGEST_NAME else "…" + whole[-LONGEST_NAME + 1 :]


def is_within(name: str, outer: str) -> bool:
    """Whether a file lies in another one."""
    return name.startswith(outer + WITHIN)


def refuse_pages(count: int) -> None:
    """Raises UnreadableFile for more pages than are read."""
    if count > MOST_PAGES:
        reason = {"zh": f"超过 {MOST_PAGES} 页，请拆分", "en": f"it has more than {MOST_PAGES} pages; split it"}
        raise UnreadableFile(name="", reason=reason)
