"""The watch for outside hosts itself: it must see what it is there to see."""

import socket

import pytest

from tests.conftest import OUTSIDE


def test_a_look_up_of_an_outside_host_is_seen() -> None:
    with pytest.raises(OSError, match=r".*"):
        socket.getaddrinfo("outside.invalid", 443)
    assert OUTSIDE == ["socket.getaddrinfo outside.invalid"]
    OUTSIDE.clear()


def test_a_loopback_connection_is_no_outside_host() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        socket.create_connection(listening.getsockname()).close()
    assert OUTSIDE == []
