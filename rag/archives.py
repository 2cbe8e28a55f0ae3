"""What is refused before any parser sees it: empty, too large, encrypted, legacy and bomb-like files."""

import io
import zipfile
from typing import TYPE_CHECKING

from governance.errors import UnreadableFile

if TYPE_CHECKING:
    from openpyxl import Workbook

MOST_BYTES = 50 * 2**20
MOST_UNPACKED = 200 * 2**20
MOST_MEMBERS = 5_000  # entries of one archive
MOST_RATIO = 200  # office files compress 5 to 50 times; a bomb 1,000 times
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def refuse_size(name: str, size: int) -> None:
    """Raises UnreadableFile when a file of this many bytes is empty or too large to read."""
    if size == 0:
        raise UnreadableFile(name=name, reason={"zh": "文件是空的", "en": "it is empty"})
    if size > MOST_BYTES:
        limit, has = MOST_BYTES // 2**20, size / 2**20
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
        _refuse_bomb(name, content)


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


def _refuse_bomb(name: str, content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as broken:
        raise UnreadableFile(name=name, reason={"zh": "文件已损坏", "en": "it is broken"}) from broken
    if len(members) > MOST_MEMBERS:
        reason = {"zh": f"内含 {len(members)} 个部件，已拒绝", "en": f"it holds {len(members)} parts, refused"}
        raise UnreadableFile(name=name, reason=reason)
    unpacked = sum(member.file_size for member in members)
    if unpacked > MOST_UNPACKED or unpacked > MOST_RATIO * max(len(content), 2**16):
        size = unpacked // 2**20
        reason = {"zh": f"解压后有 {size} MB，已拒绝", "en": f"it would unpack to {size} MB, refused"}
        raise UnreadableFile(name=name, reason=reason)
    if any(member.flag_bits & 1 for member in members):
        raise UnreadableFile(name=name, reason={"zh": "文件已加密", "en": "it is encrypted"})


def members_of(content: bytes) -> set[str]:
    """The names inside an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return set(archive.namelist())


def open_workbook(name: str, content: bytes) -> "Workbook":
    """An XLSX file, values instead of formulas; raises UnreadableFile."""
    from openpyxl import load_workbook

    try:
        return load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except Exception as broken:  # the edge to a parser of foreign files, which raises whatever it likes
        raise UnreadableFile(name=name, reason={"zh": "文件已损坏", "en": "it is broken"}) from broken
