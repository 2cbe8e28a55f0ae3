"""A ZIP of documents → its files; each entry is refused on its own, the archive only when nothing in it is safe."""

import io
import stat
import zipfile
from collections.abc import Iterator

from governance.errors import UnreadableFile
from rag.archives import MOST_BYTES, MOST_UNPACKED
from rag.intake import Attachment, Task, within
from rag.names import leads_out, plain_path

MOST_ENTRIES = 1_000
_LITTER = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


def unpack(content: bytes, task: Task) -> None:
    """Adds the archive's files to the task; raises UnreadableFile when it has too many."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_litter(_name(entry))]
        if len(entries) > MOST_ENTRIES:
            reason = {
                "zh": f"压缩包内有 {len(entries)} 个文件，超过 {MOST_ENTRIES} 个",
                "en": f"it holds {len(entries)} files, the limit is {MOST_ENTRIES}",
            }
            raise UnreadableFile(name=task.name, reason=reason)
        left = MOST_UNPACKED
        for number, entry in enumerate(entries, start=1):
            try:
                found = _entry(archive, entry, min(left, MOST_BYTES), task.name)
            except UnreadableFile as refused:
                task.refused.append(refused)
                continue
            left -= len(found.content)
            task.attachments.append(found)
            task.on_page(number, len(entries))


def _is_litter(name: str) -> bool:
    return any(name.startswith(each) or name.rsplit("/", 1)[-1] == each for each in _LITTER)


def _name(entry: zipfile.ZipInfo) -> str:
    """Archives made on a Chinese Windows hold GB18030 names, which Python reads as code page 437."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        raw = entry.filename.encode("cp437")
    except UnicodeEncodeError:
        return entry.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return entry.filename


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int, outer: str) -> Attachment:
    name = _name(entry)
    inner = within(outer, plain_path(name) or "…")
    for reason in _faults(name, entry):
        raise UnreadableFile(name=inner, reason=reason)
    try:
        with archive.open(entry) as file:
            content = file.read(most + 1)  # what the directory says of the size is not to be believed
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as broken:
        raise UnreadableFile(name=inner, reason={"zh": "文件已损坏", "en": "it is broken"}) from broken
    if len(content) > most:
        reason = {
            "zh": f"解压后超过 {most // 2**20} MB，已拒绝",
            "en": f"it unpacks to more than {most // 2**20} MB, refused",
        }
        raise UnreadableFile(name=inner, reason=reason)
    return Attachment(inner, content)


def _faults(name: str, entry: zipfile.ZipInfo) -> Iterator[dict[str, str]]:
    if leads_out(name) or not plain_path(name):
        yield {"zh": "路径指向压缩包之外，已拒绝", "en": "its path leads out of the archive, refused"}
    if stat.S_ISLNK(entry.external_attr >> 16):
        yield {"zh": "是指向别处的链接，已拒绝", "en": "it is a link to elsewhere, refused"}
