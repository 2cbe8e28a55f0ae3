"""The last line of defence: numbers, accounts and addresses of people are masked in every log record, by pattern."""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

import regex

from governance.identifiers import RULES, half_width

FLAGS = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE  # as Presidio runs them
_plain = logging.Formatter()


def masked(text: str) -> str:
    """
    The text with [PHONE], [CN_ID] … for what looks like one; company codes stay.

    Names are not recognised here: that takes the models of redact.py, and no log is to hold content in the first place.
    """
    if not any(char.isdigit() or char == "@" for char in text):
        return text
    plain = half_width(text)
    found: list[tuple[int, int, str]] = []
    for pattern, entity, rule in _patterns():
        for match in pattern.finditer(plain):
            value = match[0]
            if (rule.is_valid and not rule.is_valid(value)) or (rule.is_invalid and rule.is_invalid(value)):
                continue
            found.append((*match.span(), entity))
    for start, end, entity in reversed(_apart(found)):
        text = f"{text[:start]}[{entity}]{text[end:]}"
    return text


class PersonalValues(logging.Filter):
    """Lets every record through, masked: message, arguments, traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str):
            record.msg = masked(record.msg)
        if isinstance(record.args, Mapping):
            record.args = {name: _text_masked(value) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(_text_masked(value) for value in record.args)
        if record.args and (message := _message(record)) != masked(
            message
        ):  # a number, an object, or split over two arguments
            record.msg, record.args = masked(message), ()
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            record.exc_text = _plain.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = masked(record.exc_text)
        if record.stack_info:
            record.stack_info = masked(record.stack_info)
        return True


def install() -> None:
    """Mask the records of all loggers and handlers of this process, later ones too. Twice is once."""
    made = logging.getLogRecordFactory()
    if isinstance(made, _MaskingFactory):
        return
    logging.setLogRecordFactory(_MaskingFactory(made))


class _MaskingFactory:
    """Makes records as before and masks them: a filter on a handler would miss the handlers that libraries add."""

    def __init__(self, make: Any) -> None:
        self._make, self._filter = make, PersonalValues()

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = cast(logging.LogRecord, self._make(*args, **kwargs))
        self._filter.filter(record)
        return record


@cache
def _patterns() -> tuple[tuple[Any, str, Any], ...]:
    """Compiled on first use."""
    return tuple(
        (regex.compile(pattern, FLAGS), rule.entity, rule)
        for rule in RULES
        if rule.entity != "USCC"
        for pattern, _ in rule.patterns
    )


def _text_masked(value: object) -> object:
    return masked(value) if isinstance(value, str) else value


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # logging itself reports a wrong format later
        return ""


def _apart(found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """In order and without overlap, the longer first."""
    kept: list[tuple[int, int, str]] = []
    for span in sorted(found, key=lambda each: (each[0], -each[1])):
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
        elif span[1] > kept[-1][1]:
            kept[-1] = (kept[-1][0], span[1], kept[-1][2])
    return kept
