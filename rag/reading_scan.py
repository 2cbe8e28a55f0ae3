"""Pictures of text → lines, by RapidOCR with the models that its package ships; nothing is ever downloaded."""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image, ImageOps, ImageSequence

from governance.errors import UnreadableFile
from rag.blocks import Block
from rag.intake import Task, refuse_pages
from rag.layout import Line, blocks_of, in_reading_order
from rag.reading_text import is_heading

MOST_PIXELS = 40_000_000  # A4 at 600 dots per inch has 35 million
LARGEST_SIDE = 4_000
SMALLEST_SIDE = 736  # RapidOCR enlarges what is smaller, a strip of text to a wall: white around it costs less
SURE = 0.6  # of a line's score; below it characters are guesses
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
_MODELS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
}


def read_image(content: bytes, task: Task) -> list[Block]:
    """Each frame of the picture is a page; raises UnreadableFile when it is too large or none."""
    Image.MAX_IMAGE_PIXELS = None  # our own limit is asked before a pixel is unpacked
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
        pages = list(_pages(picture, task))
    except (OSError, SyntaxError, ValueError) as broken:
        raise UnreadableFile(name="", reason={"zh": "图片已损坏", "en": "the picture is broken"}) from broken
    return blocks_of(pages, task.labels)


def _pages(picture: Image.Image, task: Task) -> Iterator[Sequence[Line]]:
    count = getattr(picture, "n_frames", 1)
    refuse_pages(count)
    for number, frame in enumerate(ImageSequence.Iterator(picture), start=1):
        if frame.width * frame.height > MOST_PIXELS:
            reason = {
                "zh": f"图片有 {frame.width}×{frame.height} 像素，过大",
                "en": f"the picture has {frame.width}×{frame.height} pixels, too many",
            }
            raise UnreadableFile(name="", reason=reason)
        yield recognise(ImageOps.exif_transpose(frame), task)
        task.on_page(number, count)


def recognise(picture: Image.Image, task: Task) -> list[Line]:
    """The lines of one page in reading order; what is not legible is left out and counted in the task."""
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA")).convert("RGB")
    flat.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    framed = Image.new("RGB", (max(flat.width, SMALLEST_SIDE), max(flat.height, SMALLEST_SIDE)), "white")
    framed.paste(flat)
    found = _engine()(np.asarray(framed)[:, :, ::-1])  # the models were trained on blue, green, red
    if found.boxes is None or not found.txts:
        return []
    lines: list[Line] = []
    for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
        if score < SURE or not text.strip():
            task.unsure += 1
            continue
        left, top = (float(value) for value in box.min(axis=0))
        right, bottom = (float(value) for value in box.max(axis=0))
        lines.append(Line(text.strip(), left, top, right, bottom, bottom - top))
    return in_reading_order(_on_rows(_in_one_size(lines)))


def _in_one_size(lines: Sequence[Line]) -> list[Line]:
    """The height of a box wavers by a fifth: only what is clearly taller, or numbered like a heading, is one."""
    usual = median(line.size for line in lines) if lines else 0.0
    return [replace(line, size=_size(line, usual)) for line in lines]


def _size(line: Line, usual: float) -> float:
    if line.size > 1.35 * usual:
        return line.size
    return 1.2 * usual if is_heading(line.text) else usual


def _on_rows(lines: Sequence[Line]) -> list[Line]:
    """Boxes beside each other get one top, so that a tilt does not swap them; those that touch are one line."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.top):
        if rows and line.top - rows[-1][0].top < 0.4 * line.size:
            rows[-1].append(replace(line, top=rows[-1][0].top))
        else:
            rows.append([line])
    found: list[Line] = []
    for row in rows:
        ordered = sorted(row, key=lambda line: line.left)
        found.append(ordered[0])
        for line in ordered[1:]:
            if line.left - found[-1].right < 0.6 * line.size:
                found[-1] = _joined(found[-1], line)
            else:
                found.append(line)
    return found


def _joined(left: Line, right: Line) -> Line:
    latin = left.text[-1].isascii() and right.text[0].isascii()
    text = left.text + (" " if latin else "") + right.text
    return replace(left, text=text, right=right.right, bottom=max(left.bottom, right.bottom))


@cache
def _engine() -> Callable[[Any], Any]:
    """With the path of every model named, RapidOCR has nothing to look for elsewhere."""
    import rapidocr  # two seconds, for scans only

    folder = Path(rapidocr.__file__).parent / "models"
    if missing := [name for name in _MODELS.values() if not (folder / name).is_file()]:
        reason = {
            "zh": f"这是扫描件，需要文字识别（OCR），但缺少模型 {'、'.join(missing)}",
            "en": f"it is a scan and needs OCR, whose models {', '.join(missing)} are missing",
        }
        raise UnreadableFile(name="", reason=reason)
    threads = min(2, len(os.sched_getaffinity(0)))
    settings: dict[str, object] = {f"{part}.model_path": str(folder / name) for part, name in _MODELS.items()}
    settings |= {f"EngineConfig.onnxruntime.{kind}_op_num_threads": threads for kind in ("intra", "inter")}
    return rapidocr.RapidOCR(params={"Global.log_level": "critical", **settings})
