"""What a sentence says of facts without a value: that something is not, is over, or took place. Part of V1."""

import re
from collections.abc import Sequence
from datetime import date

from eval.grounding_mentions import Mention
from eval.grounding_records import is_text, records_of
from eval.grounding_statements import Claim, Known, ids_of
from eval.grounding_words import (
    EVENTS,
    LASTING,
    MODAL,
    NEGATION,
    NOT_LESS,
    OVER,
    PARTLY,
    REPORTED,
    STILL,
    WEAK,
    Topics,
    clauses,
    cues,
    hedged,
)

_PLANNED = re.compile(
    r"plan|intent|intend|expected|scheduled|proposed|remaining|balance|pending|计划|意向|拟|预计|待|余下|剩余"
    r"|to be |discuss",
    re.IGNORECASE,
)
_REST = re.compile(
    r"全部|剩余|余下|其余|都已|均已|(?<![A-Za-z])(?:all|remaining|remainder|balance|rest|fully|complete\w*"
    r"|entire\w*)(?![A-Za-z])",
    re.IGNORECASE,
)
_DONE = re.compile(
    r"已经?(?!订|购|采|下单)|完毕|做完|讲完|装完|完成|结束了|了(?=[，。])|已(?!订|购|采)|already|(?:has"
    r"|have) (?:now |already "
    r"|just )?(?:been )?\w+(?:ed|en|d)\b|(?:is|are) now (?:on|in)"
    r"|获批|took place|taken place|(?:was|were) \w+ed|(?:is|are) (?:installed|delivered|completed)",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"^(?:open|pending|no|none|false|not .*|未.*|尚未.*|否|无|待.*|没有.*|.*中|in progress|under .*|awaiting .*"
    r"|not yet.*)$",
    re.IGNORECASE,
)
_BOUGHT = re.compile(
    r"签(?:了|署|订|下)|已[^，。]{0,8}(?:采购|订购|下单|购买|成交)|(?:采购|购买|订购|下单|买)了|下单"
    r"|(?<![A-Za-z])(?:signed|bought|purchased|ordered|placed an order)(?![A-Za-z])",
    re.IGNORECASE,
)
_OFFERED = frozenset({"price", "plan", "tender", "budget"})
_INSTEAD = re.compile(r"捐|赠|租|借|(?<![A-Za-z])(?:donated|given|leased|rented|loan)", re.IGNORECASE)
_UNDONE = re.compile(r"(?:尚?未|没有?|待)([\u4e00-\u9fff]{2,4})$")
_STATE = re.compile(r"(?:^|[._ ])(?:status|state)$|状态$", re.IGNORECASE)
_AHEAD = re.compile(r"planned|scheduled|pending|draft|upcoming|计划|计划中|待定|已排期|未开始", re.IGNORECASE)
_CLOSED = re.compile(
    r"closed|completed?|delivered|held|done|finished|resolved|已?(?:关闭|完成|送达|结案|解决)", re.IGNORECASE
)
_FOLLOW_UP = re.compile(r"follow.?up|回访", re.IGNORECASE)
_STILL_OPEN = re.compile(
    r"还开着|(?:没有?|未|尚未)(?:处理|修|做|完|关|结|解决)[^，。]{0,3}|仍未|(?<![A-Za-z])(?:still (?:open|pending"
    r"|outstanding|unresolved)|not (?:yet )?"
    r"(?:been )?(?:closed|completed|resolved|finished|delivered))(?![A-Za-z])",
    re.IGNORECASE,
)
_END = re.compile(r"end|expir|until|valid|止|到期|有效期", re.IGNORECASE)


def denials(sentence: str, known: Sequence[Known]) -> list[Claim]:
    """A denial of what a fact states is contradicted: "has not bought", "no longer under warranty"."""
    claims: list[Claim] = []
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        for match in NEGATION.finditer(clause):
            rest = clause[match.end() :]
            if PARTLY.match(rest) or NOT_LESS.match(rest):
                continue
            if match.group() in ("不是", "并非", "not") and _INSTEAD.search(sentence):
                continue  # given, not bought
            near = [t for a, _, t in cues(clause) if -1 <= a - match.end() <= 24 or (a < match.start() <= a + 8)]
            about = [k for k in known if k.topics & set(near)]
            stated = [] if any(_open(k) for k in about) else [k for k in about if not _planned(k)]
            stated += [k for k in known if is_text(k.fact) and 1 < len(k.fact.value) < 13 and k.fact.value in rest[:20]]
            if stated:
                text = clause[match.start() : match.end() + 6].strip()
                claims.append(Claim(text, "negation", "contradicted", ids_of(stated), "a fact states it"))
                break
    return claims


def _open(k: Known) -> bool:
    return _OPEN.match(k.fact.value.strip()) is not None or NEGATION.search(k.fact.value) is not None


def _planned(k: Known) -> bool:
    return _PLANNED.search(k.fact.relation) is not None or _PLANNED.search(k.fact.value) is not None


def events(sentence: str, values: Sequence[Mention], known: Sequence[Known]) -> list[Claim]:
    """An installation, lease or delivery told beside values, of which no fact speaks; a purchase that was offered."""
    stated = {topic for k in known for topic in k.topics}
    valued = any(not value.loose for value in values)
    claims: list[Claim] = []
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        if MODAL.search(clause) or REPORTED.search(sentence):
            continue
        told = [
            (a, b)
            for a, b, topic in cues(clause)
            if topic in EVENTS and topic not in stated and valued and not WEAK.fullmatch(clause[a:b])
        ]
        claims += [Claim(clause[a:b], "relation", "absent", (), "no fact speaks of it") for a, b in told[:1] if stated]
        bought = _BOUGHT.search(clause)
        if bought and not hedged(clause) and "purchase" not in stated and stated & _OFFERED:
            claims.append(Claim(bought.group(), "modality", "contradicted", (), "only offered or planned"))
    return claims


def unfinished(sentence: str, known: Sequence[Known], as_of: date) -> list[Claim]:
    """Something told as done that the facts only plan, or of which a rest is still planned."""
    claims: list[Claim] = []
    records = records_of(tuple(k.fact for k in known))
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        done = _DONE.search(clause)
        if done is None or hedged(clause) or NEGATION.search(clause):
            continue
        topics: Topics = frozenset(topic for _, _, topic in cues(clause))
        near = [k for k in known if k.topics & topics and not records.elsewhere(k, sentence, ())]
        coming = [k for k in near if _planned(k) and not _past(k, as_of)]
        if coming and (_REST.search(clause) or "transit" in topics):
            claims.append(Claim(done.group(), "modality", "contradicted", ids_of(coming), "a rest is only planned"))
        opened = [k for k in known if _open(k) and _spoken_of(k, clause) and not records.elsewhere(k, sentence, ())]
        if opened:
            claims.append(Claim(done.group(), "modality", "contradicted", ids_of(opened), "not done"))
            continue
        undone = [k for k in known if (key := _UNDONE.search(k.fact.value)) and is_text(k.fact) and key[1] in clause]
        if undone:
            claims.append(Claim(done.group(), "modality", "contradicted", ids_of(undone), "not done"))
            continue
        for topic in sorted(topics):
            about = [k for k in near if topic in k.topics]
            proof = [k for k in about if k not in coming and (k.days or any(m.numeric for m in k.values))]
            if about and (all(_open(k) for k in about) or (not proof and any(k in coming for k in about))):
                claims.append(Claim(done.group(), "modality", "contradicted", ids_of(about), "not done"))
                break
    return claims


def statuses(sentence: str, known: Sequence[Known]) -> list[Claim]:
    """What is named by its number and told as done, or as open, against the state that the facts give it."""
    claims: list[Claim] = []
    states = [k for k in known if _STATE.search(k.fact.relation)]
    named = {k.fact.subject for k in states if re.search(r"\d", k.fact.subject) and k.fact.subject in sentence}
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        done, still = _DONE.search(clause), _STILL_OPEN.search(clause)
        if hedged(clause) or REPORTED.search(clause) or not (done or still):
            continue
        here = {subject for subject in named if subject in clause} or {
            subject for subject in named if len(named) == 1 and sentence.index(subject) < start
        }
        follow_up = _FOLLOW_UP.search(clause) is not None
        own = [
            k
            for k in states
            if k.fact.subject in here and (_FOLLOW_UP.search(k.fact.relation) is not None) == follow_up
        ]
        ahead, closed = ([k for k in own if words.fullmatch(k.fact.value)] for words in (_AHEAD, _CLOSED))
        if done and not still and own and len(ahead) == len(own) and not NEGATION.search(clause):
            claims.append(Claim(done.group(), "modality", "contradicted", ids_of(ahead), "only planned"))
        elif still and own and len(closed) == len(own):
            claims.append(Claim(still.group(), "negation", "contradicted", ids_of(closed), "done"))
    return claims


def _spoken_of(k: Known, clause: str) -> bool:
    """Whether a clause has the word of a relation: award, 关闭."""
    name = k.fact.relation.rpartition(".")[2].replace("_", " ").lower()
    words = [
        word for word in re.findall(r"[a-z]{4,}|[\u4e00-\u9fff]{2,}", name) if word not in ("status", "state", "状态")
    ]
    return any(word[:5] in clause.lower() if word.isascii() else word in clause for word in words)


def _past(k: Known, as_of: date) -> bool:
    """Whether the day of a plan is over."""
    days = [m.last for m in k.values if m.kind == "date" and m.last is not None]
    return bool(days) and max(days) <= as_of


def tenses(sentence: str, known: Sequence[Known], as_of: date) -> list[Claim]:
    """What has ended said to hold still, and the reverse, where no day is told."""
    over, still = OVER.search(sentence), STILL.search(sentence)
    if over and re.search(r"(?:没|未|尚未|not|not yet)\s?$", sentence[: over.start()]):
        over = None
    match = over or still
    if match is None:
        return []
    start, end = next(((a, b) for a, b in clauses(sentence) if a <= match.start() < b), (0, len(sentence)))
    topics = {topic for _, _, topic in cues(sentence[start:end])} & LASTING
    records = records_of(tuple(k.fact for k in known))
    about = [k for k in known if k.topics & topics and not records.elsewhere(k, sentence, ())]
    dated = [(k, last) for k in about if (last := _last_day(k)) is not None]
    ended = [k for k, last in dated if last <= as_of]
    if (over and dated and not ended) or (still and not over and dated and len(ended) == len(dated)):
        return [Claim(match.group(), "period", "contradicted", ids_of([k for k, _ in dated]), "not so on the day")]
    return []


def _last_day(k: Known) -> date | None:
    """The day on which a fact ceases: its end, or the day that it names as one."""
    if k.fact.valid_to is not None:
        return k.fact.valid_to
    days = [m.last for m in k.values if m.kind == "date" and m.last is not None and not m.yearless]
    return max(days) if days and _END.search(k.fact.relation) else None
