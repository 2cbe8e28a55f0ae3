"""The keys of the vault: one master key file, what is derived from it, and AES-GCM bound to where a value lies."""

import base64
import hmac
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from governance.errors import Corrupt

KEY_FILE = "master.key"
KEY_BYTES, NONCE_BYTES = 32, 12


@dataclass(frozen=True, slots=True)
class Vault:
    """The keys, all derived from one master key; none of them is ever shown."""

    wrap_key: bytes = field(repr=False)
    lookup_key: bytes = field(repr=False)
    person_key: bytes = field(repr=False)
    passage_key: bytes = field(repr=False)


def open_vault(folder: Path) -> Vault:
    """The vault whose master key lies in `folder` (made on first use, mode 0600); raises Corrupt when malformed."""
    path = folder / KEY_FILE
    if not path.exists():
        _make_key(path)
    master = _parse(path.read_bytes())
    return Vault(*(_derive(master, purpose) for purpose in ("wrap", "lookup", "person", "passage")))


def _parse(content: bytes) -> bytes:
    try:
        parsed = json.loads(content)
        master = base64.b64decode(parsed["key"], validate=True)
        if parsed["version"] == 1 and len(master) == KEY_BYTES:
            return master
    except (ValueError, KeyError, TypeError):
        pass
    raise Corrupt(
        what={"zh": "主密钥文件", "en": "The master key file"},
        reason={"zh": "格式不正确，请从备份恢复", "en": "malformed; restore it from the backup"},
    )


def _make_key(path: Path) -> None:
    """Whole or not at all; when two processes start at once, the first one's key counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump({"version": 1, "key": key}, file)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _derive(master: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"xinyan/{purpose}".encode()).derive(master)


def encrypt(key: bytes, plain: bytes, bound_to: str) -> bytes:
    """Nonce and ciphertext; opens only with the same `bound_to`."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to.encode())


def decrypt(key: bytes, sealed: bytes, bound_to: str) -> bytes:
    """What `encrypt` was given; raises Corrupt for another key, another place or an altered byte."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
    except (InvalidTag, ValueError) as wrong:
        raise Corrupt(
            what={"zh": "加密数据", "en": "Encrypted data"},
            reason={
                "zh": "无法用当前主密钥解密，请核对主密钥文件与数据库是否配套",
                "en": "the present master key does not open it; check that key file and database belong together",
            },
        ) from wrong


def keyed(key: bytes, *parts: str) -> str:
    """HMAC-SHA256 over the parts, in hex."""
    return hmac.new(key, json.dumps(parts, ensure_ascii=False).encode(), "sha256").hexdigest()


def seal(vault: Vault, text: str) -> bytes:
    """Encrypt a passage under the company's key."""
    return encrypt(vault.passage_key, text.encode(), "passage")


def unseal(vault: Vault, blob: bytes) -> str:
    """The passage back; raises Corrupt."""
    return decrypt(vault.passage_key, blob, "passage").decode()


def seal_bytes(vault: Vault, content: bytes, place: str) -> bytes:
    """Encrypt a file under the company's key; it opens only as what lies at `place`."""
    return encrypt(vault.passage_key, content, f"file:{place}")


def unseal_bytes(vault: Vault, sealed: bytes, place: str) -> bytes:
    """The file back; raises Corrupt."""
    return decrypt(vault.passage_key, sealed, f"file:{place}")
