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
    found = _engine()(np.asarray(flat)[:, :, ::-1])  # the models were trained on blue, green, red
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
    """Lines beside each other get one top, so that a tilt of a pixel does not swap them."""
    found: list[Line] = []
    for line in sorted(lines, key=lambda line: line.top):
        level = found[-1].top if found and line.top - found[-1].top < 0.4 * line.size else line.top
        found.append(replace(line, top=level))
    return found


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
