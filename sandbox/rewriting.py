"""Questions and answers reworded by an OpenAI-compatible endpoint, when one is named; off unless it is."""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine as Database
from sqlalchemy import insert, select

from governance.db import reading
from governance.outgoing import Endpoint, complete, unreachable
from governance.vault import Vault, seal, unseal
from sandbox.entailment import asks_the_same, failure
from sandbox.prompt import QUESTION, question_prompt
from sandbox.samples import Sample
from sandbox.tables import rewrites

log = logging.getLogger(__name__)
ASKING = "1"  # raise it when the model is asked in another way
TRIES, UNREACHABLE = 3, 5
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
                raise unreachable(endpoint, "改写服务", "rewriting")
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
            return _words(endpoint, sample), True
        except ValueError:
            replied = True
            result.malformed += 1
        except OSError:
            continue
    return None, replied


def _words(endpoint: Endpoint, sample: Sample) -> dict[str, str]:
    """Raises ValueError for a reply that is not what was asked for, OSError for none."""
    given = json.dumps({"answer": sample.answer}, ensure_ascii=False)
    form = {"type": "json_object"}
    reply = complete(endpoint, _TASK[sample.language], f"{sample.prompt}\n\n{given}", response_format=form)
    try:
        said: Any = json.loads(reply)
        return {name: said[name].strip() for name in ("question", "answer")}
    except (TypeError, KeyError, AttributeError, RecursionError) as broken:
        raise ValueError("not what was asked for") from broken


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
