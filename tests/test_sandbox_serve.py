"""The chat API over a real socket, and what it refuses."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import torch
import uvicorn
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from governance.errors import Refused
from governance.signing import open_signing_key
from sandbox.base import Base
from sandbox.card import STATEMENT, keep_adapter, write_statement
from sandbox.engine import Prompt, open_engine, quiet
from sandbox.serve import Door, build_app
from tests.tiny_model import CHAT_TEMPLATE, save_tiny_model

TAINTED: set[str] = set()
ASKED = "话术：开场白\n医院：{customer}"


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve") / "adapters"


@pytest.fixture(scope="module")
def base(adapters: Path) -> Base:
    return Base(save_tiny_model(adapters.parent / "tiny", initializer_range=0.3), "b" * 64, "tiny")


@pytest.fixture(scope="module")
def adapter(base: Base, adapters: Path) -> str:
    torch.manual_seed(3)
    lora = LoraConfig(r=4, lora_alpha=64, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    with quiet():
        get_peft_model(AutoModelForCausalLM.from_pretrained(base.folder), lora).save_pretrained(adapters / "draft")
    key = open_signing_key(adapters.parent / "keys")
    draft = adapters / "draft"
    name = keep_adapter(draft, adapters, base_hash=base.hash, template=CHAT_TEMPLATE, detail={}, key=key)
    write_statement(adapters / name, name, key, report="r", state="approved", approvers=["a", "b"], at="now")
    return name


@pytest.fixture(scope="module")
def api(base: Base, adapters: Path, adapter: str) -> Iterator[httpx.Client]:
    keys = adapters.parent / "keys"

    def check(name: str) -> None:
        if name in TAINTED:
            raise Refused(reason="tainted")

    door = Door(open_engine(base, threads=1, keys=keys), adapters, keys, in_force=lambda: adapter, check=check)
    app = build_app(door)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        for _ in range(100):
            if server.started:
                break
            time.sleep(0.05)
        yield client
    server.should_exit = True
    thread.join(timeout=10)
    listening.close()


def ask(api: httpx.Client, **changes: object) -> httpx.Response:
    body = {"model": "tiny", "messages": [{"role": "user", "content": ASKED}], "max_tokens": 8, **changes}
    return api.post("/v1/chat/completions", json=body)


def test_an_adapter_is_loaded_by_its_hash_listed_used_and_unloaded(api: httpx.Client, adapter: str) -> None:
    assert ask(api, model=adapter).status_code == 404
    assert api.post("/v1/load_lora_adapter", json={"lora_name": adapter}).json()["status"] == "loaded"
    listed = api.get("/v1/models").json()["data"]
    assert [(model["id"], model["parent"]) for model in listed] == [("tiny", None), (adapter, "tiny")]
    tuned = ask(api, model=adapter).json()["choices"][0]["message"]["content"]
    assert tuned == ask(api, model="xinyan").json()["choices"][0]["message"]["content"]
    assert tuned != ask(api).json()["choices"][0]["message"]["content"]
    assert api.post("/v1/unload_lora_adapter", json={"lora_name": adapter}).status_code == 200
    assert ask(api, model=adapter).status_code == 404


def test_without_a_signed_approval_nothing_is_loaded(api: httpx.Client, adapter: str, adapters: Path) -> None:
    path = adapters / adapter / STATEMENT
    signed = path.read_text(encoding="utf-8")
    other = open_signing_key(adapters.parent / "other")
    try:
        path.unlink()
        damaged = ["", "{}", "null", signed.replace("approved", "approves"), signed.replace("1", "2", 1)]
        for text in (None, *damaged):
            if text is not None:
                path.write_text(text, encoding="utf-8")
            answer = api.post("/v1/load_lora_adapter", json={"lora_name": adapter})
            assert answer.status_code == 403, text
            assert "批准" in answer.json()["error"]["message_zh"]
        write_statement(adapters / adapter, adapter, other, report="r", state="approved", approvers=["a"], at="now")
        assert api.post("/v1/load_lora_adapter", json={"lora_name": adapter}).status_code == 403
    finally:
        path.write_text(signed, encoding="utf-8")


def test_what_is_tainted_while_it_is_loaded_answers_no_more(api: httpx.Client, adapter: str) -> None:
    assert ask(api, model="xinyan").status_code == 200
    TAINTED.add(adapter)
    try:
        assert ask(api, model="xinyan").status_code == 403
        assert adapter not in {model["id"] for model in api.get("/v1/models").json()["data"]}
        assert api.post("/v1/load_lora_adapter", json={"lora_name": adapter}).status_code == 403
    finally:
        TAINTED.clear()


@pytest.mark.parametrize("name", ["../../etc", "/tmp/x", "a" * 63, "A" * 64, f"{'a' * 64}/../b", ""])
def test_an_adapter_is_never_loaded_from_a_path(api: httpx.Client, name: str) -> None:
    assert api.post("/v1/load_lora_adapter", json={"lora_name": name}).status_code == 422
    named = {"lora_name": "a" * 64, "lora_path": "/tmp"}
    assert api.post("/v1/load_lora_adapter", json=named).status_code == 422
    assert api.post("/v1/load_lora_adapter", json={"lora_name": "a" * 64}).status_code == 404


def test_an_answer_has_the_shape_of_the_open_ai_api(api: httpx.Client, base: Base) -> None:
    answer = ask(api).json()
    assert answer["object"] == "chat.completion"
    choice = answer["choices"][0]
    assert choice["message"]["role"] == "assistant"
    assert choice["finish_reason"] in ("stop", "length")
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    (expected,) = open_engine(base, threads=1).generate([Prompt(ASKED, None)], max_new_tokens=8)
    assert choice["message"]["content"] == expected.text
    assert usage == {
        "prompt_tokens": expected.prompt_tokens,
        "completion_tokens": expected.tokens,
        "total_tokens": expected.prompt_tokens + expected.tokens,
    }


def test_a_stream_ends_with_usage_and_done_and_is_the_same_text(api: httpx.Client) -> None:
    whole = ask(api, max_tokens=24).json()
    request = {"model": "tiny", "messages": [{"role": "user", "content": ASKED}], "max_tokens": 24, "stream": True}
    request["stream_options"] = {"include_usage": True}
    with api.stream("POST", "/v1/chat/completions", json=request) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line[6:] for line in response.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"])
    assert text.strip() == whole["choices"][0]["message"]["content"]
    assert chunks[-2]["choices"][0]["finish_reason"] in ("stop", "length")
    assert chunks[-1]["usage"]["completion_tokens"] > 0


def test_log_probabilities_come_with_their_tokens(api: httpx.Client) -> None:
    choice = ask(api, logprobs=True).json()["choices"][0]
    content = choice["logprobs"]["content"]
    assert content
    assert all(each["logprob"] < 0 and each["bytes"] == list(each["token"].encode()) for each in content)


def test_a_system_message_is_put_before_the_first_turn_and_turns_must_alternate(api: httpx.Client) -> None:
    turns = [{"role": "system", "content": "简短"}, {"role": "user", "content": [{"type": "text", "text": "问"}]}]
    assert ask(api, messages=turns).json()["usage"]["prompt_tokens"] > 0
    history = [*turns, {"role": "assistant", "content": "答"}, {"role": "user", "content": "再问"}]
    assert ask(api, messages=history).status_code == 200
    assert ask(api, messages=history[:-1]).status_code == 422
    assert ask(api, messages=[turns[0]]).status_code == 422


@pytest.mark.parametrize(
    "changes",
    [
        {"n": 2},
        {"tools": []},
        {"guided_choice": ["a"]},
        {"max_tokens": 0},
        {"temperature": 9},
        {"messages": []},
        {"messages": [{"role": "root", "content": "x"}]},
        {"stream": True, "logprobs": True},
    ],
)
def test_what_is_not_supported_is_refused_and_not_ignored(api: httpx.Client, changes: dict[str, object]) -> None:
    refused = ask(api, **changes)
    assert refused.status_code == 422
    assert refused.json()["error"]["message_zh"].startswith("输入无效")


def test_another_host_name_is_refused(api: httpx.Client) -> None:
    assert api.get("/v1/models", headers={"host": "evil.example"}).status_code == 400
    assert api.get("/health").json() == {"status": "ok"}
