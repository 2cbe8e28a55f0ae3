"""One file → what became of it and of the files inside it; each is a transaction of its own, a bad one blocks none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from sqlalchemy import Engine

from governance.db import reading
from governance.errors import UnreadableFile, XinyanError
from governance.redact import Redactor
from governance.vault import Vault
from rag.archives import refuse_size
from rag.blocks import Document
from rag.company import Company
from rag.confined import Reader
from rag.customers import customers, products
from rag.extract_naming import naming_of
from rag.facts import facts_of
from rag.filing import (
    Filed,
    Problem,
    Seen,
    file_document,
    retire_inner,
    same_content,
    seen_before,
    sha256,
    store_problems,
)
from rag.intake import Attachment, OnPage, Reading
from rag.originals import keep_original
from rag.preparing import READER, digest, prepare_document

DEEPEST = 3  # files within files within files
State = Literal["added", "unchanged", "quarantined", "failed"]


@dataclass(frozen=True, slots=True)
class Taken:
    """
    What became of one file. `quarantined`: it is in, but `hostile` passages that give orders are kept out of search
    and training. `unsure` lines of a scan were left out as illegible. `twin`: the file that brought the same content.
    """

    name: str
    state: State
    document: str = ""
    hostile: int = 0
    unsure: int = 0
    twin: str = ""
    error: XinyanError | None = None
    filed: Filed | None = None


@dataclass(frozen=True)
class Intake:
    """Where files come in: `originals` is where their bytes are kept (None: they lie in the company's folder)."""

    db: Engine
    vault: Vault
    company: Company
    redactor: Callable[[], Redactor]
    reader: Reader
    now: datetime
    channel: str
    actor: str
    originals: Path | None = None
    on_page: OnPage | None = None
    anew: bool = False  # read it even if nothing changed

    def profile(self) -> str:
        """Labels and products: facts of documents depend on both."""
        with reading(self.db) as tx:
            known = [(product.id, product.name, product.name_en, product.model) for product in products(tx)]
        file = self.company.file
        return digest([READER, self.company.id, file.documents.model_dump(), file.purposes, known])

    def take(self, name: str, content: bytes) -> Iterator[Taken]:
        """The files inside first, then the file itself: a killed run is taken up where it was."""
        yield from self._take(name, content, self.profile(), 0)

    def refuse(self, name: str, error: XinyanError) -> Taken:
        """Note for the admin that a file cannot be used."""
        with self.db.begin() as tx:
            store_problems(tx, name, [Problem(name, None, error)], self.now)
        return Taken(name, "failed", error=error)

    def _take(self, name: str, content: bytes, profile: str, depth: int) -> Iterator[Taken]:
        try:
            refuse_size(name, len(content))
            seen = Seen(name, sha256(content), profile)
            if found := self._known(seen):
                yield found
                return
            labels = [label for group in self.company.file.documents.labels.values() for label in group]
            given = self.reader.read(name, content, labels, self.on_page)
        except XinyanError as error:
            yield self.refuse(name, error)
            return
        if given.document is None and not given.attachments and not given.refused:
            reason = {"zh": "压缩包是空的", "en": "the archive is empty"}
            yield self.refuse(name, UnreadableFile(name=name, reason=reason))
        yield from self._inner(given, profile, depth)
        if given.document is not None:
            try:
                yield self._file(seen, content, given.document, given)
            except XinyanError as error:
                yield self.refuse(name, error)

    def _known(self, seen: Seen) -> Taken | None:
        """The same bytes under the same name; of an upload also under another one."""
        if self.anew:
            return None
        with reading(self.db) as tx:
            if document := seen_before(tx, seen):
                return Taken(seen.name, "unchanged", document)
            if self.originals is not None and (twin := same_content(tx, seen)):
                return Taken(seen.name, "unchanged", twin[1], twin=twin[0])
        return None

    def _inner(self, given: Reading, profile: str, depth: int) -> Iterator[Taken]:
        for error in given.refused:
            yield self.refuse(str(error.data["name"]), error)
        for attachment in _told_apart(given.attachments):
            if depth >= DEEPEST:
                reason = {"zh": "文件嵌套过深，已拒绝", "en": "it is nested too deeply, refused"}
                yield self.refuse(attachment.name, UnreadableFile(name=attachment.name, reason=reason))
            else:
                yield from self._take(attachment.name, attachment.content, profile, depth + 1)

    def _file(self, seen: Seen, content: bytes, document: Document, given: Reading) -> Taken:
        with reading(self.db) as tx:
            goods = products(tx)
            posts = {fact.value for fact in facts_of(tx, "holds_title")} | set(self.company.file.decision_titles)
            naming = naming_of(customers(tx), goods, posts, filter(self.company.is_unique_title, posts))
        labels, redactor = self.company.file.documents, self.redactor()
        prepared = prepare_document(document, seen, labels, goods, redactor, self.vault, self.now, naming)
        if self.originals is not None:
            keep_original(self.originals, self.vault, content)
        inner = {attachment.name for attachment in given.attachments}
        with self.db.begin() as tx:
            filed = file_document(
                tx, self.vault, self.company, prepared, channel=self.channel, actor=self.actor, now=self.now
            )
            retire_inner(tx, seen.name, inner, actor=self.actor, now=self.now)
        hostile = sum(source.hostile for source in prepared.sources)
        state: State = "quarantined" if hostile else "added"
        return Taken(seen.name, state, prepared.id, hostile, document.unsure, filed=filed)


def _told_apart(attachments: tuple[Attachment, ...]) -> Iterator[Attachment]:
    """Two files of one name in one mail are two files."""
    seen: dict[str, int] = {}
    for each in attachments:
        seen[each.name] = count = seen.get(each.name, 0) + 1
        yield each if count == 1 else Attachment(f"{each.name} ({count})", each.content)
