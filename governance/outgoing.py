"""The few optional requests that leave this machine: to the one model endpoint that the operator named, no further."""

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from governance.errors import Invalid, Unavailable
from governance.settings import Settings

LARGEST_REPLY, TIMEOUT_S = 200_000, 60.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The operator named one address; a redirect would send texts to another."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())


@dataclass(frozen=True, slots=True)
class Endpoint:
    """OpenAI-compatible; `url` ends before /chat/completions. Only what passed the gates is sent there."""

    url: str
    model: str
    key: str = field(default="", repr=False)
    timeout_s: float = TIMEOUT_S

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname or not self.model:
            zh, en = "模型服务需要 http(s) 地址和模型名称", "a model endpoint needs an http(s) address and a model"
            raise Invalid(reason={"zh": zh, "en": en})


class _Message(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _Message


class _Completion(BaseModel):
    """What is read of a reply; services add much else."""

    choices: list[_Choice] = Field(min_length=1)


def endpoint_of(settings: Settings) -> Endpoint | None:
    """None: nothing leaves the machine. Raises Invalid for an address without a model, or one that is none."""
    if not settings.rewrite_url:
        return None
    key = settings.rewrite_key.get_secret_value() if settings.rewrite_key else ""
    return Endpoint(settings.rewrite_url.rstrip("/"), settings.rewrite_model, key)


def complete(endpoint: Endpoint, task: str, given: str, *, response_format: dict[str, Any]) -> str:
    """
    What the model wrote for `given`, unjudged.

    Raises ValueError for a reply that is not of the protocol, OSError when there was none.
    """
    body = {
        "model": endpoint.model,
        "temperature": 0,
        "response_format": response_format,
        "messages": [{"role": "system", "content": task}, {"role": "user", "content": given}],
    }
    reply = _Completion.model_validate_json(_post(endpoint, json.dumps(body, ensure_ascii=False).encode()))
    return reply.choices[0].message.content


def _post(endpoint: Endpoint, body: bytes) -> bytes:
    headers = {"Content-Type": "application/json"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    request = urllib.request.Request(f"{endpoint.url}/chat/completions", data=body, headers=headers)
    try:
        with _OPENER.open(request, timeout=endpoint.timeout_s) as reply:
            content: bytes = reply.read(LARGEST_REPLY)
    except urllib.error.HTTPError as refused:
        refused.close()
        raise OSError(f"status {refused.code}") from None
    except http.client.HTTPException as broken:
        raise OSError(f"no HTTP: {type(broken).__name__}") from broken
    return content


def unreachable(endpoint: Endpoint, zh: str, en: str) -> Unavailable:
    """For a caller that gave up: `zh` and `en` name the service, never its key."""
    host = urlsplit(endpoint.url).netloc.rpartition("@")[2]
    return Unavailable(
        what={"zh": f"{zh} {host}", "en": f"The {en} endpoint {host}"},
        remedy={
            "zh": "请检查地址、密钥和服务状态，或清空 XINYAN_REWRITE_URL；已完成的部分会保留",
            "en": "check address, key and service, or clear XINYAN_REWRITE_URL; what is done is kept",
        },
    )
