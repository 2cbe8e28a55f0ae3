"""Blocks → passages of at most 300 characters, cut at sentences, never inside a token or across headings."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from governance.vault import TOKEN
from rag.blocks import Block
from rag.hostile import is_hostile
from rag.turns import turn_line

LONGEST = 300  # characters as embedded, a token counted as its pseudonym
_SENTENCE = re.compile(r"[^。！？；!?\n]*(?:[。！？；!?\n]+|(?<=\.)\s+|$)")


@dataclass(frozen=True, slots=True)
class Passage:
    """`blocks` are the positions of the blocks that it holds or holds a part of."""

    text: str
    page: int | None
    row: int | None
    heading: str
    hostile: bool
    blocks: tuple[int, ...]


def passages_of(blocks: Sequence[Block]) -> list[Passage]:
    """In reading order. A heading begins the passage below it; a hostile block stands alone."""
    found: list[Passage] = []
    held: list[tuple[int, Block, str]] = []

    def flush() -> None:
        if held:
            position, first, _ = held[0]
            texts = "\n".join(text for _, _, text in held)
            row = next((block.row for _, block, _ in held if block.row is not None), None)
            places = tuple(dict.fromkeys(place for place, _, _ in held))
            hostile = is_hostile(texts)
            above = blocks[places[-1]].heading
            heading = "" if is_hostile(above) else above  # it would go into the index with every passage below it
            found.append(Passage(texts, first.page, row, heading, hostile, places or (position,)))
            held.clear()

    for position, block in enumerate(blocks):
        hostile = is_hostile(block.text)
        if hostile or (held and not _belongs(held, block)):
            flush()
        for part in _parts(block):
            if held and sum(length(text) + 1 for _, _, text in held) + length(part) > LONGEST:
                flush()
            held.append((position, block, part))
        if hostile:
            flush()
    flush()
    return found


def length(text: str) -> int:
    """Characters with each token counted as the three of its pseudonym."""
    return len(TOKEN.sub("人员1", text))


def _belongs(held: Sequence[tuple[int, Block, str]], block: Block) -> bool:
    """Whether a block may join what is held: same page and heading, no table row, a heading only below headings."""
    last = held[-1][1]
    if block.page != last.page or _is_row(last) or (_is_row(block) and last.kind != "heading"):
        return False
    if block.kind == "heading":
        return all(each.kind == "heading" for _, each, _ in held)
    return last.kind == "heading" or block.heading == last.heading


def _is_row(block: Block) -> bool:
    """A row of a wide table is evidence of its own."""
    return block.kind == "table" and block.text.count("\n") >= 2


def _parts(block: Block) -> Iterator[str]:
    """A turn is one line per part, each with its speaker."""
    if block.kind != "turn":
        yield from parts(block.text)
        return
    room = length(turn_line(block.speaker, block.role, ""))
    for part in parts(block.text, LONGEST - room):
        yield turn_line(block.speaker, block.role, part)


def parts(text: str, longest: int = LONGEST) -> Iterator[str]:
    """The text, cut at lines, then sentences, then anywhere outside tokens, when it is longer than a passage."""
    if length(text) <= longest:
        yield text
        return
    pieces = [match.group() for match in _SENTENCE.finditer(text) if match.group().strip()]
    current = ""
    for piece in (cut for each in pieces for cut in _cut(each, longest)):
        if current and length(current) + length(piece) > longest:
            yield current.strip()
            current = ""
        current += piece
    if current.strip():
        yield current.strip()


def _cut(sentence: str, longest: int) -> Iterator[str]:
    while length(sentence) > longest:
        end = longest
        for token in TOKEN.finditer(sentence):
            if token.start() < end < token.end():
                end = token.start() or token.end()
        yield sentence[:end]
        sentence = sentence[end:]
    yield sentence
