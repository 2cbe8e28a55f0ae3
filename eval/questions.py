"""Questions with the words that their answer must hold, and questions that nothing answers; pure."""

import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.jsonl import BadData, at, read_lines

ANSWERED, UNANSWERABLE = ("questions.jsonl", "questions_heldout.jsonl"), "unanswerable.jsonl"


@dataclass(frozen=True, slots=True)
class Question:
    """`contains`: what the answer must hold, spaces aside; empty for a question that nothing answers."""

    id: str
    text: str
    language: str
    contains: tuple[str, ...]
    file: str


@dataclass(frozen=True, slots=True)
class Told:
    """What was answered: lines in order, and those that are only perhaps related."""

    lines: Sequence[str]
    related: Sequence[str]


def read_questions(folder: Path) -> tuple[Question, ...]:
    """The files that are there, of which `questions.jsonl` must be; raises BadData with the line."""
    found: list[Question] = []
    for name in (*ANSWERED, UNANSWERABLE):
        if name != ANSWERED[0] and not (folder / name).is_file():
            continue
        kinds = {"id": str, "text": str, "lang": str} | ({} if name == UNANSWERABLE else {"answer_contains": list})
        for line, row in read_lines(folder / name, kinds):
            if row["lang"] not in ("zh", "en"):
                raise at(name, line, "lang 应为 zh 或 en", "lang must be zh or en")
            contains = tuple(str(each) for each in row.get("answer_contains", []))
            if name != UNANSWERABLE and not contains:
                raise at(name, line, "answer_contains 为空", "answer_contains is empty")
            found.append(Question(row["id"], row["text"], row["lang"], contains, name))
    if not found:
        raise BadData("没有问题", "there is no question")
    return tuple(found)


def measure(questions: Sequence[Question], ask: Callable[[Question], Told]) -> dict[str, Any]:
    """
    `answered`: all the words stand in the answer or what is shown as perhaps related; `sure`: in the answer itself.

    With suffix _heldout of that file. `refused`: the share of unanswerable questions that got no line of an answer.
    """
    told = {(question.file, question.id): ask(question) for question in questions}
    metrics: dict[str, Any] = {}
    for name, suffix in zip(ANSWERED, ("", "_heldout"), strict=True):
        asked = [question for question in questions if question.file == name]
        if asked:
            metrics |= _shares(asked, told, suffix)
    unanswerable = [question for question in questions if question.file == UNANSWERABLE]
    if unanswerable:
        refused = [not told[question.file, question.id].lines for question in unanswerable]
        metrics |= {"unanswerable": len(unanswerable), "refused": round(statistics.fmean(refused), 4)}
    return metrics


def _shares(asked: Sequence[Question], told: Mapping[tuple[str, str], Told], suffix: str) -> dict[str, Any]:
    answers = [(question, told[question.file, question.id]) for question in asked]
    sure = [_holds(answer.lines, question) for question, answer in answers]
    shown = [_holds([*answer.lines, *answer.related], question) for question, answer in answers]
    shares = {"answered": statistics.fmean(shown), "sure": statistics.fmean(sure)}
    return {f"questions{suffix}": len(asked)} | {f"{key}{suffix}": round(share, 4) for key, share in shares.items()}


def _holds(lines: Sequence[str], question: Question) -> bool:
    text = _squeezed("\n".join(lines))
    return all(_squeezed(words) in text for words in question.contains)


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text).casefold()
