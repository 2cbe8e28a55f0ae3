"""What a writer wrote for the questions, kept batch by batch: a kill loses one batch, and nothing is asked twice."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy import Engine as Database

from governance.db import reading
from governance.errors import Conflict
from governance.vault import Vault, seal, unseal
from sandbox.engine import Engine, Prompt
from sandbox.questions import Question
from sandbox.tables import answers

ASKED = 1  # raise it when the same question is asked in another way
ROWS = 32  # prompts generated at once


@dataclass(frozen=True, slots=True)
class Answer:
    """`seconds`: its share of the batch's time. Greedy, so the same writer gives the same again."""

    text: str
    stopped: bool
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Of the right answer: the sum of its tokens' log-probabilities, and how many there are."""

    total: float
    tokens: int


class Desk:
    """Where questions are put to a writer: an adapter by its hash, or None for the untuned base."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        engine: Engine,
        *,
        now: datetime,
        on_answers: Callable[[int], None] = lambda count: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._db, self._vault, self._engine, self._now = db, vault, engine, now
        self._on_answers, self._should_stop = on_answers, should_stop

    def write(self, asked: Sequence[Question], writer: str | None) -> dict[str, Answer]:
        """By question id. Batches depend on the questions alone, also after a kill. Raises Conflict when stopped."""
        found: dict[str, Answer] = {}
        for part in self._batches(asked):
            keys = {_key("answer", each.prompt): each for each in part}
            kept = self._kept(writer, list(keys))
            if len(kept) == len(keys):
                found |= {keys[key].id: Answer(**json.loads(text)) for key, text in kept.items()}
            else:
                self._check()
                written = self._generate(part, writer)
                self._keep(writer, {key: json.dumps(asdict(written[each.id])) for key, each in keys.items()})
                found |= written
            self._on_answers(len(part))
        by_prompt = {each.prompt: found[each.id] for each in asked if each.id in found}
        return {each.id: by_prompt[each.prompt] for each in asked}

    def weigh(self, asked: Sequence[Question], writer: str | None) -> dict[str, Likelihood]:
        """How likely the writer holds the right answers, by question id."""
        found: dict[str, Likelihood] = {}
        for each in asked:
            key = _key("likelihood", each.prompt, each.answer)
            kept = self._kept(writer, [key])
            if key in kept:
                found[each.id] = Likelihood(**json.loads(kept[key]))
                continue
            self._check()
            row = self._engine.log_probabilities(Prompt(each.prompt, writer), each.answer)
            found[each.id] = Likelihood(sum(row), len(row))
            self._keep(writer, {key: json.dumps(asdict(found[each.id]))})
        return found

    def _generate(self, part: Sequence[Question], writer: str | None) -> dict[str, Answer]:
        longest = max(len(self._engine.pieces(each.answer)) for each in part)
        started = time.monotonic()
        prompts = [Prompt(each.prompt, writer) for each in part]
        written = self._engine.generate(prompts, max_new_tokens=longest * 3 // 2 + 16)
        seconds = (time.monotonic() - started) / len(part)
        return {
            each.id: Answer(answer.text, answer.stopped, answer.tokens, seconds)
            for each, answer in zip(part, written, strict=True)
        }

    def _batches(self, asked: Sequence[Question]) -> list[list[Question]]:
        unique = {each.prompt: each for each in asked}
        ordered = sorted(unique.values(), key=lambda each: (len(self._engine.pieces(each.answer)), each.id))
        return [ordered[start : start + ROWS] for start in range(0, len(ordered), ROWS)]

    def _check(self) -> None:
        if self._should_stop():
            raise Conflict(reason={"zh": "评估已被取消", "en": "the evaluation was cancelled"})

    def _kept(self, writer: str | None, keys: Sequence[str]) -> dict[str, str]:
        with reading(self._db) as tx:
            found = _rows(tx, writer or self._engine.base_hash, keys)
        return {key: unseal(self._vault, sealed) for key, sealed in found.items()}

    def _keep(self, writer: str | None, content: Mapping[str, str]) -> None:
        name = writer or self._engine.base_hash
        rows = [
            {"writer": name, "question": key, "sealed": seal(self._vault, text), "at": self._now}
            for key, text in content.items()
        ]
        with self._db.begin() as tx:
            tx.execute(delete(answers).where(answers.c.writer == name, answers.c.question.in_(list(content))))
            tx.execute(insert(answers), rows)


def _rows(tx: Connection, writer: str, keys: Sequence[str]) -> dict[str, bytes]:
    query = select(answers.c.question, answers.c.sealed)
    query = query.where(answers.c.writer == writer, answers.c.question.in_(list(keys)))
    return {row.question: row.sealed for row in tx.execute(query)}


def _key(*parts: str) -> str:
    return hashlib.sha256(json.dumps([ASKED, *parts], ensure_ascii=False).encode()).hexdigest()
