"""Questions and answers reworded by an OpenAI-compatible endpoint, when one is named; off unless it is."""

import hashlib
import json
import logging
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine as Database
from sqlalchemy import insert, select

from governance.db import reading
from governance.errors import Invalid, Unavailable
from governance.outgoing import OPENER
from governance.settings import Settings
from governance.vault import Vault, seal, unseal
from sandbox.entailment import asks_the_same, failure
from sandbox.prompt import QUESTION, question_prompt
from sandbox.samples import Sample
from sandbox.tables import rewrites

log = logging.getLogger(__name__)
ASKING = "1"  # raise it when the model is asked in another way
TRIES, UNREACHABLE, TIMEOUT_S, LARGEST_REPLY = 3, 5, 60.0, 200_000
_TASK = {
    "zh": (
        "请换一种自然的说法改写问题和答案，意思不变。答案只能用“资料”里的词，保留全部 {…} 占位符、数字和名称，"
        '不增加、不删去任何内容。只输出 JSON：{"question": "…", "answer": "…"}'
    ),
    "en": (
        "Reword the question and the answer naturally without changing what they say. The answer may only use words of "
        "the passage and keeps every {…} placeholder, number and name; nothing is added or left out. "
        'Reply with JSON only: {"question": "…", "answer": "…"}'
    ),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` ends before /chat/completions. Only what passed the gates is sent there."""

    url: str
    model: str
    key: str = field(default="", repr=False)
    timeout_s: float = TIMEOUT_S

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname or not self.model:
            zh, en = "改写服务需要 http(s) 地址和模型名称", "rewriting needs an http(s) address and a model's name"
            raise Invalid(reason={"zh": zh, "en": en})


@dataclass(slots=True)
class Yield:
    """What came of it: never a silent nothing. `refused`: by the reason of the check."""

    asked: int = 0
    accepted: int = 0
    malformed: int = 0
    failed: int = 0
    remembered: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])

    def as_json(self) -> dict[str, Any]:
        """For the report of the data set."""
        counts = {name: getattr(self, name) for name in ("asked", "accepted", "malformed", "failed", "remembered")}
        return {**counts, "refused": dict(sorted(self.refused.items()))}


class _Malformed(Exception):
    """The endpoint answered, but not what it was asked for."""


def endpoint_of(settings: Settings) -> Endpoint | None:
    """None: nothing is reworded. Raises Invalid for an address without a model, or one that is none."""
    if not settings.rewrite_url:
        return None
    key = settings.rewrite_key.get_secret_value() if settings.rewrite_key else ""
    return Endpoint(settings.rewrite_url.rstrip("/"), settings.rewrite_model, key)


def reword(
    db: Database,
    vault: Vault,
    samples: Sequence[Sample],
    endpoint: Endpoint,
    *,
    now: datetime,
    on_progress: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> tuple[dict[str, Sample], Yield]:
    """
    Sample → its accepted rewording; what is refused keeps its own words. Every verdict is remembered at once, so that a
    killed run goes on where it was. Raises Unavailable after five samples in a row without any reply.
    """
    found: dict[str, Sample] = {}
    result, silent = Yield(), 0
    for done, sample in enumerate(samples, start=1):
        result.asked += 1
        key = hashlib.sha256(f"{ASKING}/{endpoint.model}/{sample.id}".encode()).hexdigest()
        if (known := _remembered(db, vault, key)) is not None:
            verdict, words = known
            result.remembered += 1
        else:
            words, replied = _ask_again(endpoint, sample, result)
            silent = 0 if replied else silent + 1
            if silent >= UNREACHABLE:
                raise _unreachable(endpoint)
            if words is None:
                result.failed += 1
                continue
            verdict = _judged(sample, words)
            _remember(db, vault, key, verdict, words, now)
        if verdict == "accepted":
            found[sample.id] = _reworded(sample, words)
            result.accepted += 1
        else:
            result.refused[verdict] += 1
        on_progress("rewriting", done, len(samples))
    log.info("rewriting asked=%d accepted=%d malformed=%d", result.asked, result.accepted, result.malformed)
    return found, result


def _ask_again(endpoint: Endpoint, sample: Sample, result: Yield) -> tuple[dict[str, str] | None, bool]:
    """The reply after as many tries as it takes, and whether there was any reply."""
    replied = False
    for _ in range(TRIES):
        try:
            return _words(_ask(endpoint, sample)), True
        except _Malformed:
            replied = True
            result.malformed += 1
        except (urllib.error.URLError, OSError):
            continue
    return None, replied


def _ask(endpoint: Endpoint, sample: Sample) -> bytes:
    given = json.dumps({"answer": sample.answer}, ensure_ascii=False)
    body = {
        "model": endpoint.model,
        "temperature": 0,
        "response_format": {"type": "json_object"},
        "messages": [
            {"role": "system", "content": _TASK[sample.language]},
            {"role": "user", "content": f"{sample.prompt}\n\n{given}"},
        ],
    }
    headers = {"Content-Type": "application/json"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    request = urllib.request.Request(
        f"{endpoint.url}/chat/completions", data=json.dumps(body, ensure_ascii=False).encode(), headers=headers
    )
    with OPENER.open(request, timeout=endpoint.timeout_s) as reply:
        return reply.read(LARGEST_REPLY)


def _words(reply: bytes) -> dict[str, str]:
    try:
        said: Any = json.loads(json.loads(reply)["choices"][0]["message"]["content"])
        words = {name: said[name].strip() for name in ("question", "answer")}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as broken:
        raise _Malformed from broken
    return words


def _judged(sample: Sample, words: dict[str, str]) -> str:
    passage, question = _parts(sample)
    if words == {"question": question, "answer": sample.answer}:
        return "same"
    if not asks_the_same(question, words["question"], passage):
        return "question"
    return failure(sample.answer, words["answer"], context=question) or "accepted"


def _reworded(sample: Sample, words: dict[str, str]) -> Sample:
    """The evidence stays what it was: `span` and `place` say where it stands."""
    passage, _ = _parts(sample)
    return replace(sample, prompt=question_prompt(sample.language, passage, words["question"]), answer=words["answer"])


def _parts(sample: Sample) -> tuple[str, str]:
    passage, _, asked = sample.prompt.rpartition("\n")
    colon = "：" if sample.language == "zh" else ": "
    return passage.split(colon, 1)[-1], asked.removeprefix(QUESTION[sample.language] + colon)


def _remembered(db: Database, vault: Vault, key: str) -> tuple[str, dict[str, str]] | None:
    with reading(db) as tx:
        row = tx.execute(select(rewrites).where(rewrites.c.key == key)).mappings().one_or_none()
    return (row["verdict"], json.loads(unseal(vault, row["sealed"]))) if row else None


def _remember(db: Database, vault: Vault, key: str, verdict: str, words: dict[str, str], now: datetime) -> None:
    sealed = seal(vault, json.dumps(words, ensure_ascii=False))
    with db.begin() as tx:
        tx.execute(insert(rewrites).values(key=key, verdict=verdict, sealed=sealed, at=now))


def _unreachable(endpoint: Endpoint) -> Unavailable:
    host = urlsplit(endpoint.url).netloc.rpartition("@")[2]
    return Unavailable(
        what={"zh": f"改写服务 {host}", "en": f"The rewriting endpoint {host}"},
        remedy={
            "zh": "请检查地址、密钥和服务状态，或清空 XINYAN_REWRITE_URL；已完成的部分会保留",
            "en": "check address, key and service, or clear XINYAN_REWRITE_URL; what is done is kept",
        },
    )
