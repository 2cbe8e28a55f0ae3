"""What was signed here is known again; nothing else is."""

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import Corrupt
from governance.signing import (
    PRIVATE_FILE,
    PUBLIC_FILE,
    SigningKey,
    open_signing_key,
    signature,
    signed_by,
    trusted_keys,
)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return open_signing_key(tmp_path_factory.mktemp("keys"))


def test_the_key_is_made_once_sealed_and_private(tmp_path: Path) -> None:
    first, again = open_signing_key(tmp_path), open_signing_key(tmp_path)
    assert first == again
    assert stat.S_IMODE((tmp_path / PRIVATE_FILE).stat().st_mode) == 0o600
    assert trusted_keys(tmp_path) == {first.id}
    assert first._private not in (tmp_path / PRIVATE_FILE).read_bytes()  # pyright: ignore[reportPrivateUsage]
    assert first._private.hex() not in repr(first)  # pyright: ignore[reportPrivateUsage]


@settings(max_examples=50, deadline=None)
@given(content=st.binary(max_size=200), place=st.integers(0, 10**6))
def test_a_flipped_byte_another_purpose_or_an_untrusted_key_does_not_verify(
    key: SigningKey, content: bytes, place: int
) -> None:
    line, trusted = signature(key, "card", content).encode(), frozenset({key.id})
    assert signed_by(content, "card", line, trusted) == key.id
    assert signed_by(content, "release", line, trusted) is None
    assert signed_by(content, "card", line, frozenset()) is None
    assert signed_by(content + b"x", "card", line, trusted) is None
    changed = bytearray(line)
    changed[place % len(line)] ^= 1
    found = signed_by(content, "card", bytes(changed), trusted)
    assert found is None or json.loads(bytes(changed)) == json.loads(line)  # a blank may be another blank


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"null", b'{"version": 2}', b"\xff\xfe", b"{}" * 5000])
def test_a_malformed_signature_is_none(key: SigningKey, line: bytes) -> None:
    assert signed_by(b"content", "card", line, frozenset({key.id})) is None


def test_another_machine_trusts_a_key_that_was_copied_to_it(tmp_path: Path) -> None:
    here, there = open_signing_key(tmp_path / "here"), open_signing_key(tmp_path / "there")
    line = signature(here, "card", b"content").encode()
    assert signed_by(b"content", "card", line, trusted_keys(tmp_path / "there")) is None
    (tmp_path / "there" / "trusted").mkdir()
    (tmp_path / "there" / "trusted" / "here.pub").write_text(here.id.upper() + "\n", encoding="ascii")
    assert trusted_keys(tmp_path / "there") == {here.id, there.id}
    assert signed_by(b"content", "card", line, trusted_keys(tmp_path / "there")) == here.id


def test_broken_key_files_stop_with_a_reason(tmp_path: Path) -> None:
    key = open_signing_key(tmp_path)
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "odd.pub").write_text("no key", encoding="ascii")
    with pytest.raises(Corrupt, match=r"odd\.pub"):
        trusted_keys(tmp_path)
    (tmp_path / PUBLIC_FILE).write_text("0" * 64, encoding="ascii")
    with pytest.raises(Corrupt, match=PUBLIC_FILE):
        open_signing_key(tmp_path)
    (tmp_path / PUBLIC_FILE).write_text(key.id, encoding="ascii")
    (tmp_path / PRIVATE_FILE).write_text("{}", encoding="ascii")
    with pytest.raises(Corrupt):
        open_signing_key(tmp_path)


def test_the_key_of_another_vault_does_not_open(tmp_path: Path) -> None:
    open_signing_key(tmp_path / "a")
    open_signing_key(tmp_path / "b")
    (tmp_path / "b" / PRIVATE_FILE).write_bytes((tmp_path / "a" / PRIVATE_FILE).read_bytes())
    with pytest.raises(Corrupt):
        open_signing_key(tmp_path / "b")
