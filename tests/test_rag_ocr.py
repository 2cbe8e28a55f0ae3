"""Scans: the characters of a rendered page come back, what is illegible is left out, nothing is downloaded."""

import difflib
import io
import re
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from governance.errors import UnreadableFile
from rag.intake import Task
from rag.reading import read, read_parts

ROOT = Path(__file__).resolve().parent.parent
SCAN = next((ROOT / "data_samples" / "documents").glob("64_*.pdf"))
FONTS = [Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")]
WRITTEN = """设备验收报告
报告编号：CYQ-YS-2026-041日期：2026-10-16医院：云渚市中心医院科室：超声科
设备：CY-90彩色多普勒超声诊断系统数量：1台
一、到货与安装
设备于2026年10月12日到货，外箱完好，防震标签未变色。10月14日安装，用时约4小时。
安装地点为超声科三诊室，面积14平方米，独立插座，室温23 ℃，相对湿度52%。
二、验收测试
电气安全测试合格，接地电阻0.08 Ω，漏电流0.02 mA。凸阵、线阵、相控阵探头各一把，逐一测试，
图像均匀，无盲区。二维帧频实测126帧/秒，内置硬盘1 TB，读写正常。
三、遗留问题
腔内探头为选配，本次合同未列，不在验收范围内。连续运行7日的记录于10月21日补交设备科。
四、结论
验收合格。质保期自验收合格之日起计算。本报告一式三份，医院、我公司和生产企业各存一份。
设备科签字：薛庆安工程师签字：穆清和"""


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def right_characters(wanted: str, found: str) -> float:
    """The share of the wanted characters that were found in order."""
    matching = difflib.SequenceMatcher(None, squeezed(wanted), squeezed(found), autojunk=False).get_matching_blocks()
    return sum(block.size for block in matching) / len(squeezed(wanted))


def picture(*lines: str, form: str = "PNG", blur: float = 0) -> bytes:
    font = next((path for path in FONTS if path.is_file()), None)
    if font is None:
        pytest.skip("no Chinese font here to render with")
    image = Image.new("RGB", (900, 60 + 60 * len(lines)), "white")
    for number, line in enumerate(lines):
        place = (30, 30 + 60 * number)
        ImageDraw.Draw(image).text(place, line, font=ImageFont.truetype(font, 30, index=2), fill="black")
    file = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(blur)).save(file, form)
    return file.getvalue()


@pytest.mark.slow
def test_a_scanned_page_comes_back_in_reading_order_with_page_headings_and_date() -> None:
    document = read(SCAN.name, SCAN.read_bytes())
    found = "".join(block.text for block in document.blocks)
    assert right_characters(WRITTEN, found) >= 0.98
    assert len(squeezed(found)) <= 1.02 * len(squeezed(WRITTEN))
    assert (document.kind, str(document.date)) == ("pdf", "2026-10-16")
    assert {block.page for block in document.blocks} == {1}
    headings = [block.text for block in document.blocks if block.kind == "heading"]
    assert headings == ["设备验收报告", "一、到货与安装", "二、验收测试", "三、遗留问题", "四、结论"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP"])
def test_every_form_of_picture_is_read_by_what_is_inside(form: str) -> None:
    document = read("x.txt", picture("质保期：36个月", form=form))
    assert (document.kind, document.blocks[0].page) == ("image", 1)
    assert document.blocks[0].text == "质保期：36个月"


@pytest.mark.slow
def test_a_picture_without_legible_text_is_refused_with_what_to_do() -> None:
    blank = io.BytesIO()
    Image.new("L", (300, 300), 255).save(blank, "PNG")
    for content in (blank.getvalue(), picture("质保期自验收合格", blur=14)):
        with pytest.raises(UnreadableFile) as raised:
            read("x.png", content)
        assert "OCR" in raised.value.say("zh")
        assert "OCR" in raised.value.say("en")


@pytest.mark.slow
def test_lines_that_can_only_be_guessed_are_left_out_and_counted() -> None:
    sharp, blurred = (Image.open(io.BytesIO(picture("质保期36个月", blur=blur))) for blur in (0, 5.5))
    both = Image.new("RGB", (sharp.width, 2 * sharp.height), "white")
    both.paste(sharp, (0, 0))
    both.paste(blurred, (0, sharp.height))
    file = io.BytesIO()
    both.save(file, "PNG")
    task = Task("x.png", [])
    found = read_parts(task, file.getvalue()).document
    assert found is not None
    assert [block.text for block in found.blocks] == ["质保期36个月"]
    assert found.unsure == task.unsure <= 1


def test_a_picture_that_would_unpack_to_a_billion_pixels_is_refused_unread() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100_000)) + chunk(b"IEND", b"")
    with pytest.raises(UnreadableFile, match="40000×40000"):
        read("x.png", bomb)
