"""Ed25519 signatures over what this machine made: one sealed private key, and the public keys that are trusted."""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from governance.errors import Corrupt
from governance.keys import decrypt, encrypt, open_vault

PRIVATE_FILE, PUBLIC_FILE, TRUSTED_FOLDER = "signing.key", "signing.pub", "trusted"
KEY_BYTES, LONGEST_SIGNATURE = 32, 4096
_BOUND_TO = "signing-key"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`id` is the public key in hex; the private part is never shown."""

    id: str
    _private: bytes = field(repr=False)

    def sign(self, purpose: str, content: bytes) -> bytes:
        """The signature of `content` for one purpose: it cannot be shown in another's place."""
        return Ed25519PrivateKey.from_private_bytes(self._private).sign(_message(purpose, content))


def open_signing_key(folder: Path) -> SigningKey:
    """
    The key of this machine, made on first use and sealed under the master key in the same folder.

    The public key lies beside it; copy it into `trusted/` of another machine that is to load what was signed here.
    """
    vault = open_vault(folder)
    path = folder / PRIVATE_FILE
    if not path.exists():
        private = secrets.token_bytes(KEY_BYTES)
        sealed = base64.b64encode(encrypt(vault.wrap_key, private, _BOUND_TO)).decode()
        _write_once(path, json.dumps({"version": 1, "sealed": sealed}), 0o600)
    private = decrypt(vault.wrap_key, _sealed(path), _BOUND_TO)
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw().hex(), private)
    _write_once(folder / PUBLIC_FILE, key.id + "\n", 0o644)
    if _public(folder / PUBLIC_FILE) != key.id:
        raise _corrupt({"zh": f"公钥文件 {PUBLIC_FILE}", "en": f"The public key file {PUBLIC_FILE}"})
    return key


def trusted_keys(folder: Path) -> frozenset[str]:
    """The public keys whose signatures count: this machine's own, and every `trusted/*.pub`; raises Corrupt."""
    paths = [path for path in (folder / PUBLIC_FILE, *sorted((folder / TRUSTED_FOLDER).glob("*.pub"))) if path.exists()]
    return frozenset(map(_public, paths))


def signature(key: SigningKey, purpose: str, content: bytes) -> str:
    """A signature with the name of its key, as one line of JSON."""
    made = base64.b64encode(key.sign(purpose, content)).decode()
    return json.dumps({"version": 1, "key": key.id, "signature": made})


def signed_by(content: bytes, purpose: str, line: bytes, trusted: frozenset[str]) -> str | None:
    """The trusted key that signed `content` for `purpose`; None when the signature is wrong, foreign or malformed."""
    try:
        parsed: Mapping[str, Any] = json.loads(line[:LONGEST_SIGNATURE])
        key, made = str(parsed["key"]), base64.b64decode(parsed["signature"], validate=True)
        if parsed["version"] != 1 or key not in trusted:
            return None
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(made, _message(purpose, content))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return None
    return key


def _message(purpose: str, content: bytes) -> bytes:
    return f"xinyan/{purpose}/1\n".encode() + content


def _write_once(path: Path, text: str, mode: int) -> None:
    """When two processes start at once, the first one's file counts."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _sealed(path: Path) -> bytes:
    try:
        parsed = json.loads(path.read_bytes())
        if parsed["version"] == 1:
            return base64.b64decode(parsed["sealed"], validate=True)
    except (ValueError, KeyError, TypeError):
        pass
    raise _corrupt({"zh": "签名私钥文件", "en": "The signing key file"})


def _public(path: Path) -> str:
    text = path.read_text(encoding="ascii", errors="replace").strip().lower()
    if len(text) == 2 * KEY_BYTES and not set(text) - set("0123456789abcdef"):
        return text
    raise _corrupt({"zh": f"公钥文件 {path.name}", "en": f"The public key file {path.name}"})


def _corrupt(what: dict[str, str]) -> Corrupt:
    return Corrupt(what=what, reason={"zh": "格式不正确，请从备份恢复", "en": "malformed; restore it from the backup"})
