"""The engine over HTTP in the shape of the OpenAI chat API; for this machine only, adapters by content hash only."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.middleware.trustedhost import TrustedHostMiddleware

from governance.errors import Invalid, NotFound, Refused, XinyanError
from governance.signing import trusted_keys
from sandbox.card import verify_statement
from sandbox.chat import Turn
from sandbox.engine import Engine, Generation, Prompt

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _Edge(BaseModel):
    """What is not supported is refused: a parameter that is silently ignored misleads."""

    model_config = ConfigDict(extra="forbid")


class TextPart(_Edge):
    type: Literal["text"]
    text: str


class Message(_Edge):
    role: Literal["system", "user", "assistant"]
    content: str | list[TextPart]

    @property
    def text(self) -> str:
        parts = self.content if isinstance(self.content, list) else [TextPart(type="text", text=self.content)]
        return "".join(part.text for part in parts)


class StreamOptions(_Edge):
    include_usage: bool = False


class ChatRequest(_Edge):
    model: str
    messages: Annotated[list[Message], Field(min_length=1, max_length=100)]
    max_tokens: Annotated[int | None, Field(ge=1, le=4096)] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1, le=4096)] = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    seed: int = 0
    n: Literal[1] = 1
    logprobs: bool = False
    top_logprobs: Literal[0] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: str | None = None

    @property
    def limit(self) -> int:
        return self.max_completion_tokens or self.max_tokens or 160


class AdapterRequest(_Edge):
    lora_name: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Door:
    """
    The one way by which an adapter gets into the engine here: from `adapters` only, approved, signed by a trusted key.

    `in_force` names the adapter that answers to "xinyan"; `check` raises Refused for what was tainted or retired
    since its approval was signed, and is asked at every request.
    """

    def __init__(
        self,
        engine: Engine,
        adapters: Path,
        keys: Path,
        *,
        in_force: Callable[[], str | None] = lambda: None,
        check: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.engine, self._adapters, self._keys, self._in_force, self._check = engine, adapters, keys, in_force, check

    def load(self, name: str) -> None:
        """Raises NotFound, Refused, Corrupt."""
        verify_statement(self._adapters / name, name, trusted=trusted_keys(self._keys))
        self._check(name)
        self.engine.load(name, self._adapters / name)

    def find(self, model: str) -> str | None:
        """The adapter that a model name means, None for the base; raises NotFound, and Refused for what fell out."""
        if model == self.engine.base_name:
            return None
        name = self._in_force() if model == "xinyan" else model
        if name is not None and model == "xinyan" and name not in self.engine.loaded():
            self.load(name)
        if name is None or name not in self.engine.loaded():
            raise NotFound(kind={"zh": "已载入的模型", "en": "loaded model"}, name=model[:80])
        try:
            self._check(name)
        except Refused:
            self.engine.unload(name)
            raise
        return name


def build_app(door: Door, hosts: Sequence[str] = LOOPBACK) -> FastAPI:
    """What comes in goes through the door."""
    engine = door.engine
    app = FastAPI(title="Xinyan", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(
        TrustedHostMiddleware, allowed_hosts=[*hosts, "[::1]"]
    )  # a web page cannot rebind its name to us
    app.exception_handler(XinyanError)(_refused)
    app.exception_handler(RequestValidationError)(_malformed)

    @app.get("/health")
    def health() -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]
        return {"status": "ok"}

    @app.get("/v1/models")
    def models() -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        base = {
            "id": engine.base_name,
            "object": "model",
            "owned_by": "xinyan",
            "root": engine.base_hash,
            "parent": None,
        }
        loaded = [
            {"id": name, "object": "model", "owned_by": "xinyan", "parent": engine.base_name}
            for name in engine.loaded()
        ]
        return {"object": "list", "data": [base, *loaded]}

    @app.post("/v1/load_lora_adapter")
    def load(asked: AdapterRequest) -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]
        door.load(asked.lora_name)
        return {"status": "loaded", "lora_name": asked.lora_name}

    @app.post("/v1/unload_lora_adapter")
    def unload(asked: AdapterRequest) -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]
        engine.unload(asked.lora_name)
        return {"status": "unloaded", "lora_name": asked.lora_name}

    @app.post("/v1/chat/completions", response_model=None)
    def chat(asked: ChatRequest) -> JSONResponse | StreamingResponse:  # pyright: ignore[reportUnusedFunction]
        prompt = _prompt(asked, door.find(asked.model))
        if asked.stream:
            if asked.logprobs:
                raise Invalid(reason={"zh": "流式回答不支持 logprobs", "en": "logprobs are not offered in a stream"})
            return StreamingResponse(_events(engine, asked, prompt), media_type="text/event-stream")
        (answer,) = engine.generate(
            [prompt], max_new_tokens=asked.limit, seed=asked.seed, temperature=asked.temperature
        )
        return JSONResponse(_completion(engine, asked, prompt, answer))

    return app


def _prompt(asked: ChatRequest, adapter: str | None) -> Prompt:
    """System text goes before the first user turn, for templates without a system role. Turns must alternate."""
    system = "\n".join(message.text for message in asked.messages if message.role == "system")
    turns: list[Turn] = [(message.role, message.text) for message in asked.messages if message.role != "system"]
    if not turns or [role for role, _ in turns] != ["user", "assistant"] * (len(turns) // 2) + ["user"]:
        zh, en = (
            "消息须由用户与助手交替，并以用户结尾",
            "messages must alternate between user and assistant and end with the user",
        )
        raise Invalid(reason={"zh": zh, "en": en})
    if system:
        turns[0] = ("user", f"{system}\n\n{turns[0][1]}")
    return Prompt(turns[-1][1], adapter, tuple(turns[:-1]))


def _completion(engine: Engine, asked: ChatRequest, prompt: Prompt, answer: Generation) -> dict[str, Any]:
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": answer.text},
        "finish_reason": "stop" if answer.stopped else "length",
        "logprobs": _log_probabilities(engine, prompt, answer.text) if asked.logprobs else None,
    }
    return {
        **_head(asked, "chat.completion"),
        "choices": [choice],
        "usage": _usage(answer.prompt_tokens, answer.tokens),
    }


def _log_probabilities(engine: Engine, prompt: Prompt, answer: str) -> dict[str, Any]:
    pieces = engine.pieces(answer)
    values = engine.log_probabilities(prompt, answer)[: len(pieces)]
    content = [
        {"token": piece, "logprob": value, "bytes": list(piece.encode()), "top_logprobs": []}
        for piece, value in zip(pieces, values, strict=True)
    ]
    return {"content": content}


def _events(engine: Engine, asked: ChatRequest, prompt: Prompt) -> Iterator[str]:
    head, written = _head(asked, "chat.completion.chunk"), list[str]()

    def event(delta: dict[str, str], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return f"data: {json.dumps({**head, 'choices': [choice]}, ensure_ascii=False)}\n\n"

    yield event({"role": "assistant", "content": ""})
    try:
        stream = engine.stream(prompt, max_new_tokens=asked.limit, seed=asked.seed, temperature=asked.temperature)
        for piece in stream:
            written.append(piece)
            yield event({"content": piece})
    except XinyanError as wrong:
        yield f"data: {json.dumps(_error(wrong), ensure_ascii=False)}\n\n"
        return
    tokens = len(engine.pieces("".join(written)))
    yield event({}, "length" if tokens >= asked.limit else "stop")
    if asked.stream_options and asked.stream_options.include_usage:
        read = sum(len(engine.pieces(text)) for _, text in prompt.turns)
        yield f"data: {json.dumps({**head, 'choices': [], 'usage': _usage(read, tokens)})}\n\n"
    yield "data: [DONE]\n\n"


def _head(asked: ChatRequest, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid4().hex}", "object": kind, "created": int(time.time()), "model": asked.model}


def _usage(read: int, written: int) -> dict[str, int]:
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _error(wrong: XinyanError) -> dict[str, Any]:
    said = {
        "message": wrong.say("en"),
        "message_zh": wrong.say("zh"),
        "type": type(wrong).__name__,
        "code": wrong.status,
    }
    return {"error": said}


def _refused(_request: Request, wrong: Exception) -> JSONResponse:
    assert isinstance(wrong, XinyanError)
    return JSONResponse(_error(wrong), status_code=wrong.status)


def _malformed(_request: Request, wrong: Exception) -> JSONResponse:
    """Names the field, never its content."""
    assert isinstance(wrong, RequestValidationError)
    places = ", ".join(".".join(map(str, each["loc"][1:])) + ": " + each["msg"] for each in wrong.errors()[:3])
    return JSONResponse(_error(Invalid(reason=places)), status_code=422)
