"""Which words of a text a rule of law or of the house detects."""

import re

from governance.errors import Language
from rag.company import Rule


def fired(rule: Rule, text: str, language: Language) -> list[str]:
    """The words of `text` that `rule` detects and none of its exceptions covers."""
    excepted = [
        match.span()
        for pattern in rule.exceptions.get(language, [])
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]
    found = [
        match
        for pattern in rule.detect.get(language, [])
        for match in re.finditer(pattern, text, re.IGNORECASE)
        if not any(start < match.end() and match.start() < end for start, end in excepted)
    ]
    return list(dict.fromkeys(match.group() for match in found))
