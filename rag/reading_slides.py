"""PPTX → blocks: a slide's title as heading, its texts by place, tables with their header, the speaker's notes."""

import io
from collections.abc import Iterator

from pptx import Presentation
from pptx.shapes.base import BaseShape
from pptx.slide import Slide

from rag.blocks import Block, Outline, clean, table_blocks
from rag.intake import Task, refuse_pages

DEEPEST = 8  # groups within groups


def read_pptx(content: bytes, task: Task) -> list[Block]:
    """The number of the slide is the page; hidden slides are read as well."""
    slides = list(Presentation(io.BytesIO(content)).slides)
    refuse_pages(len(slides))
    blocks: list[Block] = []
    for number, slide in enumerate(slides, start=1):
        blocks += _slide(number, slide, task)
        task.on_page(number, len(slides))
    return blocks


def _slide(number: int, slide: Slide, task: Task) -> Iterator[Block]:
    outline = Outline()
    title = slide.shapes.title
    if title is not None and (text := clean(title.text_frame.text).replace("\n", " ")):
        outline.enter(1, text)
        yield Block("heading", text, number, heading=outline.path)
    shapes = [shape for shape in _flat(slide.shapes, 0) if title is None or shape.shape_id != title.shape_id]
    for shape in sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0)):
        yield from _shape(number, shape, outline, task)
    notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    if notes is not None and (text := clean(notes.text)):
        yield Block("text", text, number, heading=outline.path)


def _flat(shapes: object, depth: int) -> Iterator[BaseShape]:
    for shape in shapes:  # pyright: ignore[reportGeneralTypeIssues]
        inner = getattr(shape, "shapes", None)
        if inner is None:
            yield shape
        elif depth < DEEPEST:
            yield from _flat(inner, depth + 1)


def _shape(number: int, shape: BaseShape, outline: Outline, task: Task) -> Iterator[Block]:
    if shape.has_table:
        table = shape.table  # pyright: ignore[reportAttributeAccessIssue]
        rows = [(count, [cell.text for cell in row.cells]) for count, row in enumerate(table.rows, start=1)]
        yield from table_blocks(rows, task.labels, page=number, heading=outline.path)
    elif shape.has_text_frame:
        for paragraph in shape.text_frame.paragraphs:  # pyright: ignore[reportAttributeAccessIssue]
            if text := clean("".join(run.text for run in paragraph.runs)):
                yield Block("item" if shape.is_placeholder else "text", text, number, heading=outline.path)
