"""The uploaded bytes, sealed and named by their hash below home/originals: read anew when labels or parsers change."""

import hashlib
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from governance.errors import Corrupt, NotFound
from governance.vault import Vault, seal_bytes, unseal_bytes

_HASH = re.compile(r"[0-9a-f]{64}")


def keep_original(folder: Path, vault: Vault, content: bytes) -> str:
    """The hash under which the bytes now lie; whole or not at all, the same bytes once."""
    name = hashlib.sha256(content).hexdigest()
    path = folder / name
    if path.exists():
        return name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f".{name}.{secrets.token_hex(8)}"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(seal_bytes(vault, content, _place(name)))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync(folder)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    return name


def read_original(folder: Path, vault: Vault, sha256: str) -> bytes:
    """Raises NotFound, and Corrupt for altered bytes or another key."""
    try:
        sealed = _path(folder, sha256).read_bytes()
    except FileNotFoundError as missing:
        raise _unknown(sha256) from missing
    content = unseal_bytes(vault, sealed, _place(sha256))
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Corrupt(
            what={"zh": f"原件 {sha256}", "en": f"The original {sha256}"},
            reason={"zh": "内容与名称不符", "en": "its content does not fit its name"},
        )
    return content


def originals(folder: Path) -> set[str]:
    """The hashes of all that are kept."""
    if not folder.is_dir():
        return set()
    return {path.name for path in folder.iterdir() if _HASH.fullmatch(path.name)}


def forget_original(folder: Path, sha256: str) -> bool:
    """Delete one for good; whether it was there."""
    try:
        _path(folder, sha256).unlink()
    except FileNotFoundError:
        return False
    _sync(folder)
    return True


def _path(folder: Path, sha256: str) -> Path:
    if not _HASH.fullmatch(sha256):
        raise _unknown(sha256)
    return folder / sha256


def _unknown(sha256: str) -> NotFound:
    return NotFound(kind={"zh": "原件", "en": "original"}, name=sha256)


def _place(name: str) -> str:
    return f"originals/{name}"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
