"""
V1: the values of a sentence against the facts of the day. V2: the sentence against the text of the sources it cites.
The two share no evidence: V1 never sees a source's text, V2 never sees a fact.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise

from assistant.script import Check
from eval.grounding_facts import Statement, judge_facts
from eval.grounding_mentions import mentions
from eval.grounding_text import judge_text
from eval.values import Found, canonical_values, find_values, supported_forms
from governance.errors import Language
from governance.pseudonyms import TOKEN
from rag.brief import Brief, Value
from rag.company import SLOT, Bilingual, Company, Cue, Move
from rag.facts import Fact
from rag.sources import Source
from rag.turns import turns_of

# Values that are words, not figures: they are hidden before clauses are cut, since they may hold commas and cues.
WORDS = frozenset({"organisation", "product", "category", "text", "title", "phrase"})
_CLAUSE = {"zh": re.compile(r"[，,；;。？！]"), "en": re.compile(r"[,;.?!](?=\s|$)")}
_NEGATION = {
    "zh": re.compile(r"不得|不能|不可|不适用|不包含|不含|禁止|无效|作废|注销|过期|失效|取消|没有|尚未|并未|未经|未能"),
    "en": re.compile(r"(?i)\b(?:not|no longer|never|without|expired|void|cancelled|canceled|revoked|n't)\b"),
}
_WHOLE = re.compile(r"[。？！.?!][”’\"']?$")
_BRACKETS = re.compile(r"[{}\[\]<>|]")  # a broken placeholder or a piece of a control token
# A mail's sender on the customer's side; our own side calls itself a company.
_SENDER = re.compile(r"(?m)^\s*(?:发件人?|寄件人|From)\s*[:：]\s*(?P<who>[^\n]+)$", re.IGNORECASE)
_THEIRS = re.compile(
    r"医院|卫生院|院|科室|科$|诊所|疾控|采购办|装备部|hospital|clinic|university|medical cent", re.IGNORECASE
)
_ANY_DAY = date(2000, 1, 1)  # names and denials are judged without one
_NAMED_CLAIMS = frozenset({"name", "title", "organisation", "negation"})
APPROVED_SHARE = 0.8  # of a sentence's own words, that must stand in one approved wording
WHOLE_SHARE = 0.5  # of that wording's words, that the sentence must have: less is a torn sentence


@dataclass(frozen=True, slots=True)
class Verdict:
    """A check's result; `reason` says what failed and is None otherwise."""

    check: Check
    reason: Bilingual | None = None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What V1 may compare with: per fact group its values, and the forms that the facts themselves prove."""

    values: Mapping[str, tuple[Value, ...]]
    forms: Mapping[str, frozenset[str]]


def knowledge_of(brief: Brief) -> Knowledge:
    """The facts of the brief, by group. A value whose facts do not prove it is left out: it supports nothing."""
    values, forms = dict[str, tuple[Value, ...]](), dict[str, frozenset[str]]()
    for name, group in brief.groups.items():
        proven = tuple(value for value in group.values if _facts_prove(value, brief.facts))
        values[name] = proven
        forms[name] = frozenset(form for value in proven for form in canonical_values(value.text))
    return Knowledge(values, forms)


def check_structured(
    text: str, knowledge: Knowledge, cues: Sequence[Cue], language: Language, approved: Collection[str] = ()
) -> Verdict:
    """
    V1. Every figure, date, code and person in `text` is a fact, and of the relation that the words beside it name.

    `approved`: canonical values that the approved wording itself holds ("近三年"), which state nothing of the customer.
    """
    hidden, mentioned = _hide_words(text, knowledge)
    found = [value for value in find_values(hidden) if value.canonical not in approved]
    for clause_start, clause_end in _clauses(hidden, language):
        clause = hidden[clause_start:clause_end]
        cued = _cued_groups(clause, cues, language)
        inside = [value for value in found if clause_start <= value.start < clause_end]
        categories = [group for position, group in mentioned if clause_start <= position < clause_end]
        for value in inside:
            owners = {name for name, forms in knowledge.forms.items() if value.canonical in forms}
            if not owners:
                return _failed(f"没有事实支持“{value.text}”", f"no fact supports '{value.text}'")
            if cued is not None and not owners & cued:
                return _failed(f"“{value.text}”与上下文的关系不符", f"'{value.text}' stands in the wrong relation")
            same_purchase = {group for group in categories if group.startswith("purchase")}
            if same_purchase and any(o.startswith("purchase") for o in owners) and not owners & same_purchase:
                return _failed(f"“{value.text}”不属于该次采购", f"'{value.text}' is not of that purchase")
    return Verdict("supported" if found or mentioned else "no_claim")


def check_source(
    text: str,
    claims: Sequence[Value],
    sources: Iterable[str],
    moves: Sequence[Move],
    language: Language,
    company: Company,
) -> tuple[Verdict, Move | None]:
    """
    V2. Every claim of `text` stands in one of the cited `sources`, without a negation there, and every other word of it
    stands in one approved wording. Returns the verdict and the wording's move.
    """
    texts = list(sources)
    rest = text
    for claim in sorted(claims, key=lambda value: -len(value.text)):
        rest = rest.replace(claim.text, "{" + claim.slot + "}")
    if rest.endswith("}") and text.endswith("."):
        rest += "."  # "… Co., Ltd." ended the value and the sentence
    move, share = nearest_move(rest, moves, language)
    if move is None or share < APPROVED_SHARE or not _WHOLE.search(rest) or _BRACKETS.search(_bare(rest)):
        return _failed("这句话的说法不在已批准的措辞中", "the wording is not an approved one"), None
    wording = max(move.wordings(language), key=lambda each: _share(rest, each, language))
    if _share(wording, rest, language) < WHOLE_SHARE:
        return _failed("这句话没有说完整", "the sentence is not whole"), None
    if bool(_NEGATION[language].search(_bare(rest))) != bool(_NEGATION[language].search(_bare(wording))):
        return _failed("否定含义与已批准的措辞不同", "it negates what the approved wording says"), None
    checked = [value for value in claims if value.kind not in ("phrase", "organisation") or value.sources]
    literal = canonical_values(_bare(wording))
    if extra := [value.text for value in find_values(_bare(rest)) if value.canonical not in literal]:
        return _failed(f"来源中没有“{extra[0]}”", f"the source does not state '{extra[0]}'"), move
    for value in checked:
        if not stated(value, texts, company, language):
            return _failed(f"来源原文中找不到“{value.text}”", f"the cited source does not state '{value.text}'"), move
    return Verdict("supported" if checked else "no_claim"), move


def check_own_words(text: str, knowledge: Knowledge, sources: Iterable[str], own: Collection[str] = ()) -> Verdict:
    """
    A person's sentence that follows no approved wording, by the generic checks: V1 for the names, titles and denials
    that `check_structured` does not read, V2 for the whole sentence against all the sources of the brief.

    `own`: the caller's name, his company and what must be said: they are no claims about the customer.
    """
    texts = list(sources)
    first = judge_facts(text, statements_of(knowledge), _ANY_DAY, own=own)
    named = [claim for claim in first.claims if claim.kind in _NAMED_CLAIMS and claim.outcome != "supported"]
    if named:
        return _failed(f"没有事实支持“{named[0].text}”", f"no fact supports '{named[0].text}'")
    voices = [each for each in texts if _voiced(each) and any(v.kind == "date" for v in mentions(each))]
    needs = judge_text(text, voices, own=own, voiced=bool(voices))
    second = judge_text(text, texts, own=own, voiced=bool(voices))
    wrong = [c for c in second.claims if c.kind != "need" and c.outcome in ("contradicted", "absent")]
    wrong += [c for c in needs.claims if c.kind == "need" and c.outcome != "supported"]
    if wrong:
        return _failed(f"来源原文不支持“{wrong[0].text}”", f"the sources do not support '{wrong[0].text}'")
    return Verdict("supported" if second.claims else "no_claim")


def statements_of(knowledge: Knowledge) -> list[Statement]:
    """The values of the brief as plain statements: group, slot, text, and their form that no language changes."""
    return [
        Statement("/".join(value.facts) or value.slot, group, value.slot, said)
        for group, values in knowledge.values.items()
        for value in values
        if value.kind != "called"  # the person and the post are values of their own
        for said in dict.fromkeys((value.text, value.canonical))
        if said
    ]


def voiced_by_customer(source: Source) -> bool:
    """Whether a source holds, with its day, what somebody of the customer's side said: a turn in a talk, or a mail."""
    dated = source.date is not None or any(value.kind == "date" for value in mentions(source.text))
    return dated and _voiced(source.text)


def _voiced(text: str) -> bool:
    if any(turn.role == "customer" for turn in turns_of(text)):
        return True
    sender = _SENDER.search(text)
    return sender is not None and _THEIRS.search(sender["who"].strip()) is not None


def nearest_move(masked: str, moves: Sequence[Move], language: Language) -> tuple[Move | None, float]:
    """The move that carries exactly these placeholders and shares most words with `masked`, with that share."""
    slots = set(SLOT.findall(masked))
    scored = [
        (max(_share(masked, wording, language) for wording in move.wordings(language)), move)
        for move in moves
        if set(move.slots) == slots
    ]
    if not scored:
        return None, 0.0
    share, move = max(scored, key=lambda pair: pair[0])
    return move, share


def _share(text: str, wording: str, language: Language) -> float:
    """The share of `text`'s word pairs (Chinese: character pairs) that `wording` has too; 0.0 when it has no words."""
    own = _pairs(_bare(text), language)
    other = set(_pairs(_bare(wording), language))
    return sum(pair in other for pair in own) / len(own) if own else 0.0


def _bare(masked: str) -> str:
    return SLOT.sub("\x00", masked)


def _pairs(text: str, language: Language) -> list[tuple[str, str]]:
    units = re.findall(r"[\u4e00-\u9fff]|[A-Za-z']+|\d+|\x00", text)
    units = [unit.lower() for unit in units]
    return list(zip(["^", *units], [*units, "$"], strict=True)) if units else []


def _hide_words(text: str, knowledge: Knowledge) -> tuple[str, list[tuple[int, str]]]:
    """`text` with word values blanked out at equal length, and where which group's word stood."""
    mentioned: list[tuple[int, str]] = []
    words = [(word, name) for name, group in knowledge.values.items() for v in group for word in _words_of(v) if word]
    for word, _ in sorted(words, key=lambda pair: -len(pair[0])):
        start = text.find(word)
        while start >= 0:
            mentioned += [(start, other) for again, other in words if again == word]
            text = text[:start] + "\x01" * len(word) + text[start + len(word) :]
            start = text.find(word, start + len(word))
    return text, sorted(set(mentioned))


def _words_of(value: Value) -> list[str]:
    """What of a value is words and no figure; of a person as he is called, the post around the name."""
    if value.kind == "called":
        return [piece.strip(", ") for piece in TOKEN.sub("\n", value.text).split("\n")]
    return [value.text] if value.kind in WORDS else []


def _clauses(text: str, language: Language) -> list[tuple[int, int]]:
    cuts = [match.end() for match in _CLAUSE[language].finditer(text)]
    edges = [0, *cuts, len(text)]
    return [(start, end) for start, end in pairwise(edges) if end > start]


def _cued_groups(clause: str, cues: Sequence[Cue], language: Language) -> set[str] | None:
    """The groups that the words of `clause` allow; None when it names no relation."""
    lowered = clause.lower()
    named = [
        cue
        for cue in cues
        if any(
            word in lowered if language == "zh" else re.search(rf"\b{re.escape(word)}", lowered)
            for word in (cue.zh if language == "zh" else cue.en)
        )
    ]
    return {group for cue in named for group in cue.groups} if named else None


def _facts_prove(value: Value, facts: Mapping[str, Fact]) -> bool:
    """Whether the facts behind `value` prove every figure of its text; words are proven by having a fact at all."""
    wanted = canonical_values(value.text)
    if not value.facts:
        return not wanted
    return proves([facts[fact_id] for fact_id in value.facts], wanted)


def proves(facts: Iterable[Fact], wanted: Collection[str]) -> bool:
    """Whether facts prove these canonical values: each of one of them, or the total of all."""
    proven = set[str]()
    totals = dict[str, float]()
    for fact in facts:
        days = [day.isoformat() for day in (fact.valid_from, fact.valid_to) if day]
        for name, content in [("value", fact.value), *fact.attributes.items(), *(("day", day) for day in days)]:
            proven |= canonical_values(content) | {content, f"{content}m", fact.subject}
            if re.fullmatch(r"\d+(?:\.\d+)?", content):
                totals[name] = totals.get(name, 0) + float(content)
    proven |= {f"{total:g}" for total in totals.values()}
    return all(form in proven or _window_in(form, proven) for form in wanted)


def _window_in(form: str, proven: Collection[str]) -> bool:
    """A window of months "10/11" is proven by its two months."""
    return "/" in form and all(month in proven for month in form.split("/"))


def stated(value: Value, sources: Sequence[str], company: Company, language: Language) -> bool:
    """Whether some cited source states `value` in a line that does not negate it."""
    lines = [line for source in sources for line in re.split(r"[\n。；;]", source)]
    wanted = [found.canonical for found in find_values(value.text)]
    if value.kind == "called" and value.canonical:  # his name below, here his post
        post = _squeeze(value.canonical)
        if not any(post in line and not _negated(line.replace(post, "")) for line in map(_squeeze, (*lines, *sources))):
            return False
    if value.kind not in WORDS and wanted:
        proven = _column_totals(sources)
        for line in lines:
            if not _negated(line):
                proven |= _forms_of(line)
        return all(form in proven or _window_in(form, proven) for form in wanted)
    spoken = {value.text, value.canonical}
    if language == "en":
        spoken |= {zh for zh, en in company.file.glossary.items() if en == value.text}
    squeezed = [_squeeze(text) for text in (*lines, *sources)]
    # the word itself may negate ("不适用于…"); what stands around it in its line may not
    return any(
        word in line and not _negated(line.replace(word, ""))
        for word in map(_squeeze, spoken)
        for line in squeezed
        if word
    )


@lru_cache(maxsize=20_000)
def _forms_of(line: str) -> frozenset[str]:
    return frozenset(f for found in find_values(line) for f in (*supported_forms(found), *_months(found, line)))


def _months(found: Found, line: str) -> Iterable[str]:
    """A column of months states "10": the period "36" in a cell labelled 月 states 36 months."""
    if found.kind == "number" and re.search(r"月|month", line, re.IGNORECASE):
        yield f"{found.canonical}m"


def _negated(line: str) -> bool:
    return any(pattern.search(line) for pattern in _NEGATION.values())


def _column_totals(sources: Sequence[str]) -> set[str]:
    """The sum of each numeric column over the cited rows: three rows of 2, 1 and 1 state a quantity of 4."""
    totals: dict[str, float] = {}
    for source in sources:
        for label, content in re.findall(r"(?m)^([^：:\n]{1,20})[：:]\s*(\d+(?:\.\d+)?)\s*$", source):
            totals[label] = totals.get(label, 0) + float(content)
    return {f"{total:g}" for total in totals.values()}


def _squeeze(text: str) -> str:
    return re.sub(r"[\s，,。.；;：:、]", "", text).lower()


def _failed(zh: str, en: str) -> Verdict:
    return Verdict("unverified", Bilingual(zh=zh, en=en))
