"""Known facts → section samples from the phrase book, with missing, changed and disputed facts, in both languages."""

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from governance.errors import Language
from rag.company import GROUPS, PhraseBook
from sandbox.prompt import SectionTask, join, section_prompt, section_task
from sandbox.samples import Sample

LANGUAGES: tuple[Language, ...] = ("zh", "en")
ALWAYS = frozenset({"rep", "customer"})
DISPUTABLE = ("certificate", "scope", "warranty", "budget")
FEWEST = 1500  # samples wanted in all, however few customers there are
FEWEST_EACH = 30  # and of each customer, however many there are


@dataclass(frozen=True, slots=True)
class Availability:
    """Which groups are known and which are disputed about one customer and product. No value is in it."""

    customer: str
    known: frozenset[str]
    disputed: frozenset[str]
    passports: tuple[str, ...]


def compose_sections(phrases: PhraseBook, customers: Sequence[Availability], *, seed: int) -> list[Sample]:
    """
    For every customer, stage, section and language the facts as they are, or with some missing, changed or disputed.

    The answer is what the plan would say: one wording of each planned move, in order. Each draw depends on the customer
    and the place alone, so that withdrawing one customer moves nothing of the others.
    """
    places = list(_places(phrases))
    shares = Counter(section for _, section, _ in places)
    most = max(shares.values())
    turns = {section: round(most / count) for section, count in shares.items()}  # rare sections as often as common ones
    each = max(FEWEST // max(1, len(customers)), FEWEST_EACH)
    rounds = -(-each // sum(turns[section] for _, section, _ in places))
    samples: dict[str, Sample] = {}
    for facts in customers:
        drawn = [(place, turn) for place in places for turn in range(rounds * turns[place[1]])]
        random.Random(_seed(str(seed), facts.customer)).shuffle(drawn)
        for (stage, section, language), turn in drawn[:each]:
            sample = _sample(phrases, facts, stage, section, language, f"{seed}/{turn}")
            if sample is not None:
                samples[sample.id] = sample
    return list(samples.values())


def _places(phrases: PhraseBook) -> Iterator[tuple[str, str, Language]]:
    for stage_id, stage in phrases.stages.items():
        for section in stage.sections if stage.trained else ():
            for language in LANGUAGES:
                yield stage_id, section, language


def _sample(
    phrases: PhraseBook, facts: Availability, stage: str, section: str, language: Language, turn: str
) -> Sample | None:
    draw = random.Random(_seed(turn, facts.customer, stage, section, language))
    known, disputed = _variant(draw, facts)
    task = section_task(phrases, language, stage, section, known, disputed)
    moves = phrases.sections[section].planned(task.groups)
    if not moves:
        return None
    if draw.random() < 0.5:
        task = _shuffled(draw, task)
    task = replace(task, outline=tuple(draw.choice(move.wordings(language)) for move in moves))
    answer = join(language, task.outline)
    slots = tuple(sorted({slot for move in moves for slot in move.slots}))
    prompt = section_prompt(phrases, task)
    return Sample("section", language, prompt, answer, slots, section, facts.passports, facts.customer)


def _variant(draw: random.Random, facts: Availability) -> tuple[frozenset[str], frozenset[str]]:
    """The facts as they are (3 of 10), with some missing (3 of 10), or changed and in dispute (4 of 10)."""
    known, disputed = set(facts.known | ALWAYS), set(facts.disputed)
    kind = draw.randrange(10)
    if kind in (3, 4, 5):
        known -= {group for group in sorted(known - ALWAYS) if draw.random() < 0.35}
    elif kind > 5:
        known |= {group for group in GROUPS if draw.random() < 0.6}
        disputed = {group for group in DISPUTABLE if group in known and draw.random() < 0.4}
    return _consistent(known - disputed), frozenset(disputed)


def _consistent(known: Iterable[str]) -> frozenset[str]:
    """No later purchase, topic or post without what it belongs to; nothing of a product that is not offered."""
    kept = set(known)
    chains = (("purchase1", "purchase2"), ("purchase2", "purchase3"), ("decider", "title_change"))
    for needed, dependent in (*chains, ("contact", "contact_topic")):
        if needed not in kept:
            kept.discard(dependent)
    return frozenset(kept if "product" in kept else kept - {"certificate", "scope", "warranty"})


def _shuffled(draw: random.Random, task: SectionTask) -> SectionTask:
    return replace(task, groups=tuple(draw.sample(task.groups, len(task.groups))))


def _seed(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("/".join(parts).encode()).digest()[:8], "big")
