"""
V2, textual: a sentence against the text of the sources that it cites. It sees texts and never a fact.

Across languages only values and names can be told; what else an English sentence says of a Chinese text is not judged.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from eval.grounding_cited import (
    HAN,
    Cited,
    Outcome,
    TextClaim,
    cited_texts,
    contained,
    grams,
    same_value,
)
from eval.grounding_mentions import mentions
from eval.grounding_named import near_names, whom
from eval.grounding_names import Name, names
from eval.grounding_posts import Title, holders, titles
from eval.grounding_text_values import value_claims
from eval.grounding_words import (
    CAUSE,
    COMPARISON,
    CUSTOMER,
    EVENTS,
    MODAL,
    NEED,
    NEGATION,
    NOT_LESS,
    OFFER,
    PARTLY,
    PLAN,
    QUESTION,
    SUPERLATIVE,
    WEAK,
    clauses,
    cues,
    demands,
    hedged,
)

Third = Callable[[Sequence[tuple[str, str]]], Sequence[float]]  # (text, sentence) pairs → how far the text entails it
LEAST_THIRD = 0.5
LEAST_CONTAINED = 0.12  # of the weight of a statement's own words; less is about something else
LEAST_NEED = 0.34  # of the words of a need, in what the customer himself said
_NOT_NEED = re.compile(
    r"拟?邀请|需要[^，。]{0,8}我(?:们|来|给|再|会|可|补|发)|我们(?:计划|打算|准备|拟)"
    r"|(?:we|i)(?: also)? (?:plan|intend|are planning|will)|有需要|需要(?:时|的话)"
    r"|when(?:ever)? you need|(?:if|as) needed|should you need"
    r"|如(?:果|有)?[^，。]{0,6}(?:需要|希望|担心|关注)|(?:我|我们|我这边)(?:也|很|都"
    r"|还)?(?:希望|需要|想|关注|担心)|希望(?:能|可以|有机会|和|跟|与|向|为|给|下|占用|没有"
    r"|对|帮|了解|听|约|我们)"
    r"|不(?:知|知道)[^，。]*|感谢[^，。]*(?:信任|关注|支持)|(?:if|whether"
    r"|should) [^,.]*(?:need|want|concern|worr|hop)\w*|(?:we|i)(?: would| do)? (?:hope"
    r"|need|want|care|'d like)\w*|no need|need(?:s)? (?:to be )?(?:installed|signed)"
    r"|thank\w* [^,.]*|满意度",
    re.IGNORECASE,
)
_INSTEAD = re.compile(r"捐|赠|租|借|(?<![A-Za-z])(?:donated|given|leased|rented|loan)", re.IGNORECASE)
_SENTENCE = re.compile(r"[^。！？!?]*?(?:[。！？!?]+[”\"’]?|(?<=[a-z0-9)%])\.(?=\s|$)|$)\s*")
_SURE = re.compile(
    r"一定|肯定|必将|确认|确定|定下来|(?<![A-Za-z])(?:will|definitely|certainly|confirmed)(?![A-Za-z])", re.IGNORECASE
)
_MAYBE = re.compile(
    r"可能|也许|或许|视[^，。]{0,8}而定|如果|若|有望|考虑|拟|尚未|未定|待定|(?<![A-Za-z])(?:may(?! \d)|might"
    r"|could|possibl[ey]|perhaps"
    r"|if|subject to|not (?:yet )?decided)(?![A-Za-z])",
    re.IGNORECASE,
)
LEAST_ALIKE = 0.5  # of the words of a clause, in the clause of the text that it is held against
_TALK = re.compile(r"我|咱|请|(?<![A-Za-z])(?:i|we|our|us|let|please|thank\w*)(?![A-Za-z])", re.IGNORECASE)
_ABOUT_THEM = re.compile(
    r"贵院|贵科|贵司|医院|科室|院方|院里|你们|(?<![A-Za-z])(?:your|hospital|customer"
    r"|clinic|ward|department)(?![A-Za-z])",
    re.I,
)
_IF = re.compile(
    r"如果|若(?!干)|假如|(?<![主需])要是|万一|(?<![A-Za-z])(?:if|whether|unless)(?![A-Za-z])", re.IGNORECASE
)
_CONTENT = re.compile(r"满意|satisfied|happy with", re.IGNORECASE)
_SIZES = re.compile(r"更[长短早晚]|small|larg|long|short|earl|late", re.IGNORECASE)  # of figures in the text
_PLAIN = re.compile(
    r"more than (?:\d|one|two)|less than \d|no (?:more|less|later|fewer) than|rather than"
    r"|other than|最近|最后|最新|更换|更新",
    re.I,
)


@dataclass(frozen=True, slots=True)
class TextJudgement:
    """`outcome` is the worst of the claims; `contained` the share of the sentence's own words that the texts have."""

    outcome: Outcome
    claims: tuple[TextClaim, ...]
    contained: float

    @property
    def flagged(self) -> bool:
        """Whether it may not stand."""
        return self.outcome in ("contradicted", "absent")


def judge_text(
    sentence: str,
    texts: Sequence[str],
    *,
    third: Third | None = None,
    own: Collection[str] = (),
    voiced: bool | None = None,
    as_of: date | None = None,
) -> TextJudgement:
    """
    What the cited `texts` say of `sentence`; without any text every claim is absent.

    `own`: the caller's name and company. `third`: another checker, asked only where everything else is supported.
    `as_of`: the day on which it is said, for "last month".
    `voiced`: whether a dated source of the customer's own words is among the texts; None: told from the texts.
    """
    for text in sorted(own, key=len, reverse=True):
        sentence = sentence.replace(text, "\x00" * len(text)) if text else sentence
    cited = cited_texts(tuple(text for text in texts if text.strip()))
    same = not cited.units or (HAN.search(sentence) is not None) == cited.han
    claims = [*value_claims(sentence, cited, as_of), *_name_claims(sentence, cited)]
    share = contained(sentence, cited.grams, len(cited.units)) if same else 1.0
    told = "".join(part for part in _SENTENCE.findall(sentence) if not QUESTION.search(part) and not _IF.search(part))
    if told.strip():
        claims += _needs(told, cited, same=same, voiced=voiced)
        if same and cited.units:
            claims += [*_guards(told, cited), *_foreign(told, share), *_certain(told, cited, as_of)]
    outcome = _worst(claims)
    if third is not None and outcome in ("supported", "no_claim") and cited.text:
        score = max(third([(text, sentence) for text in texts]), default=0.0)
        if score < LEAST_THIRD:
            claims.append(TextClaim(sentence, "third", "absent", "the third checker does not agree"))
            outcome = "absent"
    return TextJudgement(outcome, tuple(claims), round(share, 3))


def _worst(claims: Sequence[TextClaim]) -> Outcome:
    outcomes = {claim.outcome for claim in claims}
    if "contradicted" in outcomes:
        return "contradicted"
    return "absent" if "absent" in outcomes else "supported" if "supported" in outcomes else "no_claim"


def _name_claims(sentence: str, cited: Cited) -> Iterator[TextClaim]:
    found = names(sentence)
    here = [name.text for name in found if name.kind == "person" and name.text in cited.text]
    people = holders(sentence, tuple(dict.fromkeys((*cited.people, *here))))
    told = titles(sentence, people)
    for title in told:
        yield _title(title, cited, here)
    if like := near_names(sentence, cited.people):
        yield TextClaim(like, "name", "contradicted", "a name like one of the text")
    known, stranger = whom([n for n in found if not any(p.start <= n.start < p.end for p in people)], cited.named)
    if stranger is not None and not people:
        yield TextClaim(stranger.text, "name", "absent", "not in the cited text", unstated=True)
    for person in people:
        yield TextClaim(person.name, "name", "supported")
    for name in found:
        if any(t.start < name.end and name.start < t.end for t in told) or name.kind == "person":
            continue
        if name.kind == "address" and any(p.start <= name.start < p.end for p in people):
            continue
        if name.kind in ("department", "title") and (people or not _judged(name, known, found, cited)):
            continue
        kind = {"title": "title", "organisation": "organisation"}.get(name.kind, "name")
        if not cited.text or not cited.named.holds(name):
            yield TextClaim(name.text, kind, "absent", "not in the cited text", unstated=True)
        else:
            yield TextClaim(name.text, kind, "supported")


def _title(title: Title, cited: Cited, here: Sequence[str]) -> TextClaim:
    posts = cited.posts(tuple(here))
    theirs = [post for person, post in posts if any(person == h.name for h in title.holders)]
    if any(post.fits(title.post) for post in theirs):
        return TextClaim(title.text, "title", "supported")
    if theirs or any(post.fits(title.post) for _, post in posts):
        return TextClaim(title.text, "title", "contradicted", "the text gives it to another")
    return TextClaim(title.text, "title", "no_claim")


def _judged(name: Name, people: Sequence[Name], found: Sequence[Name], cited: Cited) -> bool:
    if name.kind == "department":
        return cited.named.departments and not any(o.kind == "title" and o.start <= name.start < o.end for o in found)
    if name.text.isascii() == cited.han and not cited.named.has_titles(ascii_only=name.text.isascii()):
        return False
    if name.department or (name.text.isascii() and " " in name.rank):
        return cited.named.has_titles(ascii_only=name.text.isascii())
    return any(max(p.start, name.start) - min(p.end, name.end) <= 8 for p in people if p.kind == "person")


def _needs(sentence: str, cited: Cited, *, same: bool, voiced: bool | None) -> Iterator[TextClaim]:
    """A need, worry or motive of the customer stands only where the customer himself said it."""
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        needs, plans = NEED.search(clause), PLAN.search(clause)
        cause = None if needs or plans else CAUSE.search(clause)
        about = CUSTOMER.search(sentence) or any(person in sentence for person in cited.people)
        about = about or any(name.kind == "name" for name in names(sentence))
        if not (needs or plans or cause) or _NOT_NEED.search(clause) or not about:
            continue
        said = cited.spoken if voiced is None or voiced else []
        if voiced and not said:
            said = cited.units
        # noted without a speaker: "Satisfied with delivery times."
        if needs and not said and voiced is not False and _CONTENT.fullmatch(needs.group()):
            said = [unit for unit in cited.units if _same_need(needs.group(), unit.text)]
        if cause:
            said = cited.units
        elif not needs:  # a plan may stand in any text that calls it one
            said = [unit for unit in cited.units if hedged(unit.text)]
            days = [v for v in mentions(clause) if not v.loose]
            if days and all(any(same_value(v, d, u, cited) for v, u in cited.values) for d in days):
                continue
        wanted = set(grams(clause)) | (set(grams(sentence)) if len(grams(clause)) < 4 else set[str]())
        held = {gram for unit in said for gram in grams(unit.text)}
        share = len(wanted & held) / len(wanted) if wanted else 1.0
        if not said or (same and share < LEAST_NEED):
            yield TextClaim(clause.strip(), "need", "absent", "no words of the customer say so")
        else:
            yield TextClaim(clause.strip(), "need", "supported")


def _same_need(word: str, text: str) -> bool:
    """Whether a text tells the same need in the same word, and offers nothing."""
    return not OFFER.search(text) and any(m.group().lower() == word.lower() for m in NEED.finditer(text))


def _guards(sentence: str, cited: Cited) -> Iterator[TextClaim]:
    if _compares(sentence, cited):
        yield TextClaim(sentence, "comparison", "absent", "the text compares nothing")
    if demands(sentence) and not demands(cited.text):
        yield TextClaim(sentence, "modality", "absent", "the text demands nothing")
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        told = [
            clause[a:b]
            for a, b, topic in cues(clause)
            if topic in EVENTS and topic not in cited.topics and not WEAK.fullmatch(clause[a:b])
        ]
        if told and not MODAL.search(clause):
            yield TextClaim(told[0], "relation", "absent", "the text does not speak of it")
        why, stated = _denied(clause, cited)
        if why or stated:
            yield TextClaim(clause.strip(), "negation", "contradicted" if why else "supported", why)


def _certain(sentence: str, cited: Cited, as_of: date | None) -> Iterator[TextClaim]:
    """What the text holds possible told as certain."""
    for start, end in clauses(sentence):
        clause = sentence[start:end]
        sure = _SURE.search(clause)
        values = [v for v in mentions(clause, as_of) if not v.loose] if sure and not _MAYBE.search(clause) else []
        units = [unit for v in values for told, unit in cited.values if same_value(told, v, unit, cited)]
        if sure and units and all(_MAYBE.search(unit.text) for unit in units):
            yield TextClaim(sure.group(), "modality", "contradicted", "the text holds it possible")


def _compares(sentence: str, cited: Cited) -> bool:
    """A comparison that the text does not draw; of two figures it may be drawn by whoever reads them."""
    plain, text = _PLAIN.sub("", sentence), _PLAIN.sub("", cited.text)
    if SUPERLATIVE.search(plain):
        return SUPERLATIVE.search(text) is None
    if not COMPARISON.search(plain) or COMPARISON.search(text):
        return False
    match = COMPARISON.search(plain)
    if match and _SIZES.search(match.group() + plain[match.end() : match.end() + 1]) and len(mentions(cited.text)) > 1:
        return not mentions(plain)
    part = next((plain[a:b] for a, b in clauses(plain) if match and a <= match.start() < b), plain)
    return not any(value.numeric for value in mentions(part))


def _denied(clause: str, cited: Cited) -> tuple[str, bool]:
    """Why a denial, or the lack of one, is not that of the nearest clause; and whether the text denies it too."""
    own = frozenset(grams(NEGATION.sub("", clause)))
    match = NEGATION.search(clause)
    if len(own) < 2 or (match and (PARTLY.match(clause[match.end() :]) or NOT_LESS.match(clause[match.end() :]))):
        return "", False
    denies = match is not None
    key = set(grams(clause[match.end() :])) if match else set[str]()
    if key and any(negated and len(key & part) * 2 >= len(key) for part, negated, _ in cited.parts):
        return "", True
    alike = max((len(own & part) / len(own) for part, negated, _ in cited.parts if negated == denies), default=0.0)
    unlike = max((len(own & part) / len(own) for part, negated, _ in cited.parts if negated != denies), default=0.0)
    if unlike >= LEAST_ALIKE and unlike > alike + 0.1:
        return ("the text affirms it" if denies else "the text denies it"), False
    if key := _said_not(clause, denies, cited):
        return f"the text denies {key}", False
    if match and match.group() in ("不是", "并非", "not") and _INSTEAD.search(clause + cited.text):
        return "", False
    if denies and cues(clause) and not any(negated for _, negated, _ in cited.parts):
        return "the text denies nothing", False
    return "", denies and alike >= LEAST_ALIKE


def _said_not(clause: str, denies: bool, cited: Cited) -> str:
    """What the text denies and the clause says: the words right behind a denial, affirmed nowhere in the text."""
    if denies:
        return ""
    own = set(grams(clause))
    for _, negated, part in cited.parts:
        match = NEGATION.search(part) if negated else None
        if match is None or NOT_LESS.match(part[match.end() :]) or PARTLY.match(part[match.end() :]):
            continue
        key = set(grams(part[match.end() :])[:8])
        affirmed = any(len(key & other) * 2 >= len(key) for other, denied, _ in cited.parts if not denied)
        if key and not affirmed and len(key & own) * 5 >= len(key) * (3 if len(key) > 3 else 2):
            return part[match.start() : match.end() + 8]
    return ""


def _foreign(sentence: str, share: float) -> Iterator[TextClaim]:
    if _TALK.search(sentence) or not _ABOUT_THEM.search(sentence) or mentions(sentence) or len(grams(sentence)) < 5:
        return
    if share < LEAST_CONTAINED:
        yield TextClaim(sentence, "words", "absent", "the text is about something else")
