"""One endpoint that an operator names: off without it, no further than it, and whatever it answers is not trusted."""

import socket
import threading

import pytest
from pydantic import SecretStr

from governance.errors import Invalid
from governance.outgoing import Endpoint, complete, endpoint_of, unreachable
from governance.settings import Settings
from tests.model_endpoint import said, serving

FORM = {"type": "json_object"}


def test_it_is_off_unless_an_address_and_a_model_are_named() -> None:
    assert endpoint_of(Settings()) is None
    on = Settings(rewrite_url="http://127.0.0.1:9/v1/", rewrite_model="m", rewrite_key=SecretStr("sesame"))
    assert endpoint_of(on) == Endpoint("http://127.0.0.1:9/v1", "m", "sesame")
    assert "sesame" not in repr(endpoint_of(on))
    with pytest.raises(Invalid):
        endpoint_of(Settings(rewrite_url="http://127.0.0.1:9/v1"))


@pytest.mark.parametrize(("url", "model"), [("ftp://x", "m"), ("http://", "m"), ("file:///etc", "m"), ("http://x", "")])
def test_an_address_that_is_none_is_refused(url: str, model: str) -> None:
    with pytest.raises(Invalid):
        Endpoint(url, model)


def test_what_the_model_wrote_comes_back_as_it_is() -> None:
    with serving(lambda number, body: (200, said("好{"))) as (where, seen):
        assert complete(where, "改写", "一段", response_format=FORM) == "好{"
    assert (seen[0]["path"], seen[0]["key"]) == ("/v1/chat/completions", "Bearer secret")
    assert [each["content"] for each in seen[0]["messages"]] == ["改写", "一段"]
    assert seen[0]["response_format"] == FORM


@pytest.mark.parametrize(
    "reply",
    [
        b"<html>",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": null}}]}',
        b'{"choices": [{"message": {"content": {"a": 1}}}]}',
    ],
)
def test_a_reply_that_is_not_of_the_protocol_is_a_value_error(reply: bytes) -> None:
    with serving(lambda number, body: (200, reply)) as (where, _), pytest.raises(ValueError):  # noqa: PT011
        complete(where, "t", "g", response_format=FORM)


@pytest.mark.parametrize("status", [302, 401, 500])
def test_a_redirect_is_not_followed_and_a_refusal_is_no_reply(status: int) -> None:
    with serving(lambda number, body: (status, said("x"))) as (where, seen), pytest.raises(OSError, match=str(status)):
        complete(where, "t", "g", response_format=FORM)
    assert len(seen) == 1


def test_a_service_that_speaks_another_protocol_is_no_reply() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            caller, _ = listening.accept()
            with caller:
                caller.recv(65536)
                caller.sendall(b"220 mail ready\r\n\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        where = Endpoint(f"http://127.0.0.1:{listening.getsockname()[1]}", "m", timeout_s=10.0)
        with pytest.raises(OSError, match="no HTTP"):
            complete(where, "t", "g", response_format=FORM)
        thread.join()


def test_the_error_names_the_host_and_the_remedy_and_no_secret() -> None:
    where = Endpoint("https://me:sesame@model.example:8443/v1", "m", "sesame")
    told = unreachable(where, "改写服务", "rewriting")
    for language in ("zh", "en"):
        said_so = told.say(language)
        assert "model.example:8443" in said_so
        assert "XINYAN_REWRITE_URL" in said_so
        assert "sesame" not in said_so
