"""HTML → blocks; scripts, styles, comments and hidden elements are no text."""

import re
from collections.abc import Collection, Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from rag.blocks import Block, Outline, clean, table_blocks

_DROPPED = (
    "script, style, noscript, template, svg, nav, head, [hidden], [style*='display:none'], [style*='display: none']"
)
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset"}
    | {"figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre"}
    | {"section", "summary", "table", "ul"}
)


def read_html(text: str, labels: Collection[str]) -> list[Block]:
    """Headings, paragraphs, list items and tables in reading order."""
    tree = LexborHTMLParser(re.sub(r"<br\s*/?>", "\n", text, flags=re.IGNORECASE))
    for node in tree.css(_DROPPED):
        if node.tag not in ("html", "body"):
            node.decompose()
    return list(_blocks(tree.body, Outline(), labels)) if tree.body is not None else []


def _blocks(parent: LexborNode, outline: Outline, labels: Collection[str]) -> Iterator[Block]:
    loose: list[str] = []
    for node in parent.iter(include_text=True):
        tag = node.tag or ""
        if tag not in _BLOCKS and not _has_blocks(node):
            loose.append(node.text(deep=True) or "")
            continue
        yield from _text_block("text", loose, outline)
        if re.fullmatch(r"h[1-6]", tag):
            if title := clean(node.text(deep=True)).replace("\n", " "):
                outline.enter(int(tag[1]), title)
                yield Block("heading", title, heading=outline.path)
        elif tag == "table":
            yield from table_blocks(_rows(node), labels, page=None, heading=outline.path)
        elif tag == "li" and not _has_blocks(node):
            yield from _text_block("item", [node.text(deep=True)], outline)
        else:
            yield from _blocks(node, outline, labels)
    yield from _text_block("text", loose, outline)


def _text_block(kind: str, loose: list[str], outline: Outline) -> Iterator[Block]:
    if text := clean("".join(loose)):
        yield Block("item" if kind == "item" else "text", text, heading=outline.path)
    loose.clear()


def _has_blocks(node: LexborNode) -> bool:
    return any(inner.tag in _BLOCKS for inner in node.traverse() if inner is not node and inner != node)


def _rows(table: LexborNode) -> Iterator[tuple[None, list[str]]]:
    for row in table.css("tr"):
        yield None, [cell.text(deep=True).strip() for cell in row.iter() if cell.tag in ("td", "th")]
