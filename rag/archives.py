"""What is refused before any parser sees it: empty, too large, encrypted, legacy and bomb-like files."""

import io
import zipfile
from typing import TYPE_CHECKING, BinaryIO

from governance.errors import UnreadableFile

if TYPE_CHECKING:
    from openpyxl import Workbook

MOST_BYTES = 50 * 2**20
MOST_TABLE_BYTES = 500 * 2**20  # an export of a million rows has some 120 MB; it is read row by row, not whole
MOST_UNPACKED = 200 * 2**20
MOST_TABLE_UNPACKED = 600 * 2**20
MOST_MEMBERS = 5_000  # entries of one archive
MOST_RATIO = 200  # office files compress 5 to 50 times; a bomb 1,000 times
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def refuse_size(name: str, size: int, most: int = MOST_BYTES) -> None:
    """Raises UnreadableFile when a file of this many bytes is empty or too large to read."""
    if size == 0:
        raise UnreadableFile(name=name, reason={"zh": "文件是空的", "en": "it is empty"})
    if size > most:
        limit, has = most // 2**20, size / 2**20
        reason = {
            "zh": f"文件有 {has:.0f} MB，超过 {limit} MB 的上限，请拆分后再上传",
            "en": f"it has {has:.0f} MB, the limit is {limit} MB; split it",
        }
        raise UnreadableFile(name=name, reason=reason)


def refuse_unreadable(name: str, content: bytes) -> None:
    """Raises UnreadableFile for what no parser should touch."""
    refuse_size(name, len(content))
    if not content.strip(b"\x00 \t\r\n"):
        raise UnreadableFile(name=name, reason={"zh": "文件是空的", "en": "it is empty"})
    if content.startswith(_OLE):
        raise UnreadableFile(name=name, reason=_ole_reason(content))
    if content.startswith(b"PK\x03\x04"):
        refuse_bomb(name, io.BytesIO(content), len(content))


def _ole_reason(content: bytes) -> dict[str, str]:
    if "EncryptedPackage".encode("utf-16-le") in content:
        return {
            "zh": "文件已用密码加密，请去除密码后再上传",
            "en": "it is encrypted with a password; remove the password",
        }
    return {
        "zh": "这是旧版 Office 格式，请另存为 docx、xlsx 或 pptx",
        "en": "it has an old Office format; save it as docx, xlsx or pptx",
    }


def refuse_bomb(name: str, file: BinaryIO, size: int, most: int = MOST_UNPACKED) -> None:
    """Raises UnreadableFile for an archive that would unpack to more than `most` bytes, or is broken or encrypted."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as broken:
        raise UnreadableFile(name=name, reason={"zh": "文件已损坏", "en": "it is broken"}) from broken
    if len(members) > MOST_MEMBERS:
        reason = {"zh": f"内含 {len(members)} 个部件，已拒绝", "en": f"it holds {len(members)} parts, refused"}
        raise UnreadableFile(name=name, reason=reason)
    unpacked = sum(member.file_size for member in members)
    if unpacked > most or unpacked > MOST_RATIO * max(size, 2**16):
        grown = unpacked // 2**20
        reason = {"zh": f"解压后有 {grown} MB，已拒绝", "en": f"it would unpack to {grown} MB, refused"}
        raise UnreadableFile(name=name, reason=reason)
    if any(member.flag_bits & 1 for member in members):
        raise UnreadableFile(name=name, reason={"zh": "文件已加密", "en": "it is encrypted"})


def members_of(content: bytes) -> set[str]:
    """The names inside an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return set(archive.namelist())


def open_workbook(name: str, content: bytes | BinaryIO) -> "Workbook":
    """An XLSX file, values instead of formulas; raises UnreadableFile."""
    from openpyxl import load_workbook

    file = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        return load_workbook(file, read_only=True, data_only=True)
    except Exception as broken:  # the edge to a parser of foreign files, which raises whatever it likes
        raise UnreadableFile(name=name, reason={"zh": "文件已损坏", "en": "it is broken"}) from broken
