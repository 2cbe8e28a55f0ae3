"""Document → what is filed of it: people as tokens, passages, facts with the passages that state them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from governance.errors import Invalid
from governance.redact import Redactor
from governance.vault import TOKEN, Vault, normal, person_id, token
from rag.blocks import Block, Document
from rag.company import Documents
from rag.customers import Product
from rag.entries import People
from rag.extract import statements
from rag.extract_claims import EXTRACTOR, claims
from rag.extract_naming import Naming
from rag.facts import Fact, make_fact
from rag.filing import PreparedDocument, Problem, Seen
from rag.passages import Passage, passages_of
from rag.proposals import ONE_HOLDER, Proposal, make_proposal
from rag.sources import Source, source_id
from rag.turns import names_a_person

READER = "4"  # part of every profile hash and document id: a new number makes every file be read again


def digest(content: object) -> str:
    """SHA-256 over canonical JSON."""
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def prepare_document(
    document: Document,
    seen: Seen,
    labels: Documents,
    products: Sequence[Product],
    redactor: Redactor,
    vault: Vault,
    now: datetime,
    naming: Naming | None = None,
) -> PreparedDocument:
    """The id is of the bytes, the reader and the labels: the same read otherwise is another document."""
    tokenised, people = _Tokeniser(redactor, seen.sha256, vault).document(document)
    id_ = "d_" + digest([seen.sha256, READER, labels.model_dump()])[:24]
    cut = passages_of(tokenised.blocks)
    sources = [_source(id_, tokenised, position, passage) for position, passage in enumerate(cut)]
    facts: list[Fact] = []
    for said in statements(tokenised, labels, products):
        places = {_place(cut, sources, block, words) for block, words in said.evidence}
        facts += [
            make_fact(
                said.product,
                said.relation,
                said.value,
                said.attributes,
                source=place,
                known_from=now,
                valid_from=said.valid_from,
                valid_to=said.valid_to,
            )
            for place in sorted(places)
        ]
    proposals = _proposals(tokenised, cut, sources, naming or Naming(), now)
    return PreparedDocument(id_, seen, tokenised, tuple(sources), tuple(facts), people, proposals, _odd(tokenised, now))


def _proposals(
    document: Document, cut: list[Passage], sources: list[Source], naming: Naming, now: datetime
) -> tuple[Proposal, ...]:
    """What the document claims, with the passage that does."""
    found: list[Proposal] = []
    for claim in claims(document, naming, _latest(now)):
        said = {**claim.attributes, **({ONE_HOLDER: "yes"} if claim.one_holder else {})}
        found.append(
            make_proposal(
                claim.subject,
                claim.relation,
                claim.value,
                said,
                source=_place(cut, sources, claim.block, claim.words),
                extractor=EXTRACTOR,
                valid_from=claim.valid_from,
                valid_to=claim.valid_to,
            )
        )
    return tuple(found)


def _odd(document: Document, now: datetime) -> tuple[Problem, ...]:
    """A document from the future is read, but nothing begins on its day."""
    if document.date is None or document.date <= _latest(now):
        return ()
    reason = {
        "zh": f"文件日期 {document.date} 在未来，未用作任何事实的起始日期",
        "en": f"the document's date {document.date} lies in the future; nothing was taken to begin on it",
    }
    return (Problem(document.name, None, Invalid(reason=reason)),)


def _latest(now: datetime) -> date:
    """It may be tomorrow already somewhere on earth."""
    return (now + timedelta(hours=14)).date()


@dataclass
class _Tokeniser:
    """`scope`: the hash of the file; a name that no record knows is one person within it."""

    redactor: Redactor
    scope: str
    vault: Vault
    people: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    known: dict[str, str] = field(default_factory=dict[str, str])

    def document(self, document: Document) -> tuple[Document, People]:
        """Speakers first, so that their names are found wherever others mention them."""
        speakers = {name: self._speaker(name) for name in {block.speaker for block in document.blocks if block.speaker}}
        blocks = [self._block(block, speakers) for block in document.blocks]
        return replace(document, blocks=tuple(blocks)), self.people

    def _block(self, block: Block, speakers: Mapping[str, str]) -> Block:
        text = block.text
        for name, hidden in speakers.items():
            if TOKEN.fullmatch(hidden) and len(name) > 2:
                text = text.replace(name, hidden)
        speaker = speakers.get(block.speaker, "")
        return replace(block, text=self._text(text), heading=self._text(block.heading), speaker=speaker)

    def _text(self, text: str) -> str:
        if text not in self.known:
            self.known[text], found = self.redactor.tokenise(text, scope=self.scope, vault=self.vault)
            for person, values in found.items():
                self.people.setdefault(person, {}).update(values)
        return self.known[text]

    def _speaker(self, name: str) -> str:
        """A label that may be a name is one, whole, whatever the models say: nobody else would have spoken."""
        hidden = self._text(name)
        rest = TOKEN.sub("", hidden).strip().removesuffix("@微信")
        if not rest or not names_a_person(rest):
            return hidden
        kind = "name" if any("\u4e00" <= letter <= "\u9fff" for letter in name) else "name_en"
        person = person_id(self.vault, f"mention:{self.scope}:{normal(kind, name)}")
        self.people.setdefault(person, {})[kind] = name
        return token(person, kind)


def _source(document_id: str, document: Document, position: int, passage: Passage) -> Source:
    return Source(
        id=source_id(document_id, str(position), passage.text),
        document=document_id,
        title=document.name,
        kind="passage",
        page=passage.page,
        row=passage.row,
        heading=passage.heading,
        date=document.date,
        text=passage.text,
        hostile=passage.hostile,
        position=position,
    )


def _place(cut: list[Passage], sources: list[Source], block: int, words: str) -> str:
    """The passage that holds the words, else the first one of their block."""
    of_block = [source.id for passage, source in zip(cut, sources, strict=True) if block in passage.blocks]
    holding = [source.id for source in sources if source.id in of_block and words in source.text]
    return (holding or of_block)[0]
