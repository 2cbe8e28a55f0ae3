"""
Each sentence of a stored script checked again when it is shown: what today's facts and its sources no longer prove is
displayed as unverified (Proof-Carrying Numbers, arXiv 2509.06902). A check that fails to run verifies nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from assistant.script import Check, Script, Sentence
from assistant.verify import proves, stated
from eval.values import canonical_values, find_values
from governance.errors import Language
from rag.company import SLOT, Company
from rag.facts import Fact, facts_by_id
from rag.sources import Source
from rag.values import Value

_OWN = re.compile(r"rep|company|must_\w+")  # what is said of ourselves needs no evidence
_LAST_DAY_COUNTS = frozenset({"tender"})


@dataclass(frozen=True, slots=True)
class Rechecked:
    """Both checks of a sentence as of today."""

    structured: Check
    source: Check


def recheck(
    tx: Connection, script: Script, sources: Mapping[str, Source], company: Company, today: date
) -> list[Rechecked]:
    """Both checks of every sentence in order; never better than when it was written."""
    lines = [line for section in script.sections for line in section.sentences]
    known = facts_by_id(tx, {fact for line in lines for fact in line.facts})
    return [_recheck(line, script.language, known, sources, company, today) for line in lines]


def _recheck(
    line: Sentence,
    language: Language,
    known: Mapping[str, Fact],
    sources: Mapping[str, Source],
    company: Company,
    today: date,
) -> Rechecked:
    try:
        structured = line.structured
        if structured == "supported" and not _proven(line, known, company, language, today):
            structured = "unverified"
        source = line.source
        if source == "supported" and not _covered(line, known, sources, company, language):
            source = "unverified"
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return Rechecked("unverified", "unverified")
    return Rechecked(structured, source)


def _proven(line: Sentence, known: Mapping[str, Fact], company: Company, language: Language, today: date) -> bool:
    """Every fact behind the sentence still stands today, and together they prove every figure of it."""
    if not line.facts:
        return True  # stored before facts were noted: its sources are asked
    live = [known[fact] for fact in line.facts if fact in known and _stands(known[fact], today)]
    return len(live) == len(line.facts) and proves(live, _figures(line, company, language))


def _stands(fact: Fact, today: date) -> bool:
    if fact.known_to is not None:
        return False
    ends = fact.valid_to
    return ends is None or today < ends or (fact.relation in _LAST_DAY_COUNTS and today == ends)


def _figures(line: Sentence, company: Company, language: Language) -> set[str]:
    """The figures of the sentence without those of the approved wording itself and of what the law demands."""
    text = line.text
    for phrase in company.phrases.must_say.values():
        text = text.replace(phrase.say(language), "")
    return {value.canonical for value in find_values(text)} - canonical_values(SLOT.sub(" ", line.masked))


def _covered(
    line: Sentence, known: Mapping[str, Fact], sources: Mapping[str, Source], company: Company, language: Language
) -> bool:
    """Every source is still there, and each value that fills a placeholder stands in them."""
    if any(source not in sources for source in line.sources):
        return False
    texts = [sources[source].text for source in line.sources]
    facts = [known[fact] for fact in line.facts if fact in known]
    for slot, said in _fills(line):
        if _OWN.fullmatch(slot) or not said.strip():
            continue
        figures = bool(find_values(said))
        value = Value(slot, "period" if figures else "text", said, _stored(said, facts), (), line.sources)
        words = Value(slot, "title", said, value.canonical, (), line.sources)
        if not stated(value, texts, company, language) and not (figures and stated(words, texts, company, language)):
            return False
    return True


def _fills(line: Sentence) -> list[tuple[str, str]]:
    """What stands in the place of each placeholder; raises ValueError where the text is not the filled wording."""
    names = SLOT.findall(line.masked)
    parts = SLOT.split(line.masked)[::2]
    pattern = "(.+?)".join(re.escape(part) for part in parts)
    match = re.fullmatch(pattern, line.text, re.DOTALL)
    if match is None and line.masked.endswith("}."):  # "… Co., Ltd." ended the value and the sentence
        match = re.fullmatch(pattern, line.text + ".", re.DOTALL)
    if match is not None:
        return list(zip(names, match.groups(), strict=True))
    if line.origin == "edited":
        return [("edited", value.text) for value in find_values(line.text)]
    raise ValueError(line.masked)


def _stored(said: str, facts: list[Fact]) -> str:
    """The word as the company's records have it: an English name stands in them beside the Chinese one."""
    named = (fact.value for fact in facts if said in fact.attributes.values())
    return next(named, said)
