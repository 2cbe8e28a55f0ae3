"""What a sentence says of facts without a value: that something is not, is over, or took place. Part of V1."""

from collections.abc import Sequence
from datetime import date

from eval.grounding_mentions import Mention
from eval.grounding_statements import Claim, Known, ids_of
from eval.grounding_words import EVENTS, LASTING, MODAL, NEGATION, OVER, REPORTED, STILL, clauses, cues


def denials(sentence: str, known: Sequence[Known]) -> list[Claim]:
    """A denial of what a fact states is contradicted: "has not bought", "no longer under warranty"."""
    claims: list[Claim] = []
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        for match in NEGATION.finditer(clause):
            near = [t for a, _, t in cues(clause) if -1 <= a - match.end() <= 14 or (a < match.start() <= a + 8)]
            stated = [k for k in known if k.topics & set(near) and not NEGATION.search(k.fact.value)]
            if stated:
                text = clause[match.start() : match.end() + 6].strip()
                claims.append(Claim(text, "negation", "contradicted", ids_of(stated), "a fact states it"))
                break
    return claims


def events(sentence: str, values: Sequence[Mention], known: Sequence[Known]) -> list[Claim]:
    """An installation, lease or delivery told beside values, of which no fact speaks."""
    if not any(not value.loose for value in values):
        return []
    stated = {topic for k in known for topic in k.topics}
    claims: list[Claim] = []
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        if MODAL.search(clause) or REPORTED.search(sentence):
            continue
        told = [(a, b) for a, b, topic in cues(clause) if topic in EVENTS and topic not in stated]
        claims += [Claim(clause[a:b], "relation", "absent", (), "no fact speaks of it") for a, b in told[:1] if stated]
    return claims


def tenses(sentence: str, known: Sequence[Known], as_of: date) -> list[Claim]:
    """What has ended said to hold still, and the reverse, where no day is told."""
    over, still = OVER.search(sentence), STILL.search(sentence)
    match = over or still
    if match is None:
        return []
    start, end = next(((a, b) for a, b in clauses(sentence) if a <= match.start() < b), (0, len(sentence)))
    topics = {topic for _, _, topic in cues(sentence[start:end])} & LASTING
    about = [k for k in known if k.topics & topics]
    dated = [k for k in about if k.fact.valid_to is not None]
    ended = [k for k in dated if k.fact.valid_to is not None and k.fact.valid_to <= as_of]
    if (over and dated and not ended) or (still and not over and dated and len(ended) == len(about)):
        return [Claim(match.group(), "period", "contradicted", ids_of(dated), "not so on the day")]
    return []
