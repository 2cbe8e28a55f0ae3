"""Training rows from a file of JSON lines: {"prompt", "answer"} or {"messages": [{"role", "content"}, …]}."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from rag.company import Bilingual
from sandbox.chat import Turn
from sandbox.findings import Finding, Part, excerpt

LONGEST_LINE = 16 * 2**20  # bytes; above it the rest of the line is not even read


@dataclass(frozen=True, slots=True)
class Given:
    """A row as it came; `turns` may be in any order and of any role."""

    number: int
    turns: tuple[Turn, ...]


def pair(number: int, prompt: str, answer: str) -> Given:
    """A question and its answer."""
    return Given(number, (("user", prompt), ("assistant", answer)))


def read_rows(path: Path, part: Part) -> Iterator[Given | Finding]:
    """Each line as a row, or what is wrong with it. Blank lines do not matter."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            if not line.endswith(b"\n") and len(line) == LONGEST_LINE:
                yield _unreadable(part, number, "这一行超过 16 MB", "the line is longer than 16 MB")
                while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
            elif line.strip():
                yield _row(line, part, number)


def wrong_roles(turns: Sequence[Turn]) -> Bilingual | None:
    """A conversation is user, assistant, user, assistant …, and ends with the assistant."""
    roles = [role for role, _ in turns]
    if not roles:
        return Bilingual(zh="没有任何消息，请删除此行", en="it has no message; delete the row")
    if "system" in roles:
        return Bilingual(zh="不支持 system 消息，请把它并入用户消息", en="join system messages with the user's")
    if unknown := sorted(set(roles) - {"user", "assistant"}):
        name = excerpt(unknown[0])
        return Bilingual(
            zh=f"角色“{name}”不可用，只能是 user 或 assistant", en=f"the role '{name}' must be user or assistant"
        )
    if roles[0] != "user":
        return Bilingual(zh="应由用户先说，请补上提问", en="the user has to begin; add the question")
    if any(one == other for one, other in pairwise(roles)):
        return Bilingual(zh="用户与助手应轮流发言，请合并相邻的消息", en="the roles have to alternate; join neighbours")
    if roles[-1] != "assistant":
        return Bilingual(zh="应以助手的回答结束，请补上回答", en="it has to end with the assistant; add the answer")
    return None


def _row(line: bytes, part: Part, number: int) -> Given | Finding:
    try:
        data: Any = json.loads(line)
    except (ValueError, RecursionError):
        return _unreadable(part, number, "不是 UTF-8 的 JSON 对象", "it is no JSON object in UTF-8")
    if not isinstance(data, dict):
        return _unreadable(part, number, "不是 JSON 对象", "it is no JSON object")
    prompt, answer, messages = data.get("prompt"), data.get("answer"), data.get("messages")
    if isinstance(prompt, str) and isinstance(answer, str):
        return pair(number, prompt, answer)
    if not isinstance(messages, list):
        return _unreadable(part, number, "需要 prompt 与 answer，或 messages", "needs prompt and answer, or messages")
    turns: list[Turn] = []
    for message in messages:
        known: dict[str, Any] = message if isinstance(message, dict) else {}
        role, content = known.get("role"), known.get("content")
        if not isinstance(role, str) or not isinstance(content, str):
            return _unreadable(part, number, "消息缺少文字 role 或 content", "a message lacks role or content as text")
        turns.append((role, content))
    return Given(number, tuple(turns))


def _unreadable(part: Part, number: int, zh: str, en: str) -> Finding:
    return Finding("unreadable", Bilingual(zh=zh, en=en), part, number)
