"""Personal data in free text → tokens such as [[p_0123456789abcdef.name]], and the check for what is left of it."""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.chinese_likely import Likelihood
from governance.identifiers import half_width
from governance.latin_names import is_also_a_word
from governance.lexicon import COVER, HAN, Lexicon, lexical_key
from governance.listed_names import OtherForms, meant
from governance.surnames import SHORT_TITLES, TITLES
from governance.vault import TOKEN, Vault, normal, person_id, token

if TYPE_CHECKING:
    from presidio_analyzer.nlp_engine import NlpArtifacts

# What Presidio calls it → the field of the vault. USCC is left out: a company's credit code is no personal data.
FIELDS: Mapping[str, str] = {
    "PERSON": "name",
    "PHONE": "phone",
    "LANDLINE": "phone",
    "CN_ID": "id_number",
    "BANK_CARD": "bank_card",
    "EMAIL": "email",
    "ADDRESS": "address",
    "WECHAT": "wechat",
    "QQ": "qq",
    "PLATE": "plate",
    "PASSPORT": "passport",
}
LEAST_LISTED = 0.008  # so unlike a name that a listed one is hardly ever meant
WINDOW = 2_000  # characters analysed at once: Presidio goes through all words again for every number it finds
TITLE = re.compile(rf"副?(?:{TITLES}|{SHORT_TITLES})")
COMPOUND = re.compile(r"欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|司徒|令狐|夏侯|长孙|宇文|端木|轩辕|南宫|独孤")
NOT_IN_NAMES = frozenset("说问也都将会在对和与的是已再让请把被给到没不")  # 高兴说: the name ends before it
BEFORE_PEOPLE = frozenset("经把到请听跟见给找问由让被与和同向对")  # 经许可审阅
ORDINARY = frozenset(("n", "v", "vn", "a", "ad", "an", "d", "c"))  # LAC's tags
THINGS = re.compile(
    "时段|时间|时期|期间|时刻|季节|论坛|图书馆|公园|广场|大厦|酒店|小区|社区|学校|小学|中学|大学|院区|分院|大道|街|路|村|镇|工程|项目|基金|保险|"
    "安排|管理|方案|措施|计划|预案|指标"
)
LETTERS = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Span:
    """Where something personal stands; `known` is the key of a name of the records, empty for anything else."""

    start: int
    end: int
    entity: str
    score: float
    known: str = ""

    @property
    def length(self) -> int:
        return self.end - self.start

    def holds(self, other: "Span") -> bool:
        """Whether the other one lies inside."""
        return self.start <= other.start and other.end <= self.end


class Redactor:
    """
    `names`: every name of the records → its bearers. `allow`: names of organisations and products, never people.

    Covered: the names given, in any spacing or case, and what the rules and models find. Not covered: a name that is
    also a word or that no rule expects, when it is not given. Takes seconds to build; safe to share between threads.
    """

    def __init__(self, names: Mapping[str, Sequence[str]], allow: Collection[str] = (), *, threads: int = 1) -> None:
        from governance.analyzer import BilingualAnalyzer  # Presidio, LAC and spaCy are loaded here, not at import

        self._analyzer = BilingualAnalyzer(threads)
        self._learn(names, allow)

    def knowing(self, names: Mapping[str, Sequence[str]], allow: Collection[str] = ()) -> "Redactor":
        """Another redactor for these names instead, on the same models: costs no time to build."""
        other = copy(self)
        other._learn(names, allow)
        return other

    def _learn(self, names: Mapping[str, Sequence[str]], allow: Collection[str]) -> None:
        bearers: dict[str, set[str]] = {}
        for name, people in names.items():
            for key in _keys(name):
                bearers.setdefault(key, set()).update(people)
        self._bearers = {key: frozenset(people) for key, people in bearers.items()}
        self._forms = OtherForms(names)
        self._names, self._allowed = Lexicon(bearers), Lexicon([part for name in allow for part in _parts(name)])

    def find(self, text: str) -> list[Span]:
        """What looks personal outside the tokens, in order and without overlap; company codes (USCC) included."""
        from governance.nlp_engine import pieces

        tokens = [match.span() for match in TOKEN.finditer(text)]
        covered = TOKEN.sub(lambda match: COVER * len(match[0]), text)
        found: list[Span] = []
        for offset, piece in pieces(covered, WINDOW):
            if LETTERS.search(piece):
                for span in self._find(piece):
                    found.append(Span(span.start + offset, span.end + offset, span.entity, span.score, span.known))
        found += _again(covered, found)
        return [part for span in _merged(found) for part in _outside(span, tokens, text)]

    def _find(self, text: str) -> list[Span]:
        results, words = self._analyzer.analyze(text)
        allowed = [Span(start, end, "ALLOWED", 1.0) for start, end, _ in self._allowed.find(text)]
        known = [Span(start, end, "PERSON", 1.0, key) for start, end, key in self._names.find(text)]
        known = [s for s in known if _is_meant(s, text, words)]
        found = [Span(r.start, r.end, r.entity_type, r.score) for r in results]
        people = [span for span in found if span.entity == "PERSON"]
        stronger = [span for span in known if not any(_is_longer_name(text, other, span) for other in people)]
        forms = self._forms.find(text, words.tokens_indices) if self._bearers else ()
        found += [Span(start, end, "PERSON", 0.9) for start, end in forms]
        weaker = {s for s in people if any(s != k and s.holds(k) for k in stronger)}
        spans = [span for span in [*stronger, *found] if span not in weaker]
        return [span for span in spans if span.entity != "PERSON" or not any(a.holds(span) for a in allowed)]

    def residue(self, text: str) -> list[Span]:
        """What still looks personal in a tokenised text; empty is what the training gate asks for."""
        return [span for span in self.find(text) if span.entity in FIELDS]

    def tokenise(self, text: str, *, scope: str, vault: Vault) -> tuple[str, dict[str, dict[str, str]]]:
        """
        The text with a token for everything personal, and person → {field: value} to `keep`.

        A name that one person of the records bears gets that person's id, and nothing is left to keep. Everything else
        gets an id of its own within `scope` (the document's hash), also a name that two people bear: never guess. Runs
        until nothing is found any more, so that the result does not change when it is tokenised again.
        """
        values: dict[str, dict[str, str]] = {}
        while spans := self.residue(text):
            for span in reversed(spans):
                value = text[span.start : span.end]
                field = _field(span.entity, value)
                bearers = self._bearers.get(span.known, frozenset[str]())
                if len(bearers) == 1:
                    (person,) = bearers
                else:
                    person = person_id(vault, f"mention:{scope}:{normal(field, value)}")
                    values.setdefault(person, {})[field] = value
                text = text[: span.start] + token(person, field) + text[span.end :]
        return text, values


def _keys(name: str) -> Iterator[str]:
    """The name and, for two Latin words, the other order: Fang Wang is Wang Fang."""
    if len(key := lexical_key(name)) > 1:
        yield key
        if not HAN.search(key) and key.count(" ") == 1:
            yield " ".join(reversed(key.split()))


def _parts(name: str) -> Iterator[str]:
    """The name and, of a Latin one, every run of two or more of its words: YD-300 Infusion Pump, Infusion Pump."""
    yield name
    words = [] if HAN.search(name) else name.split()
    for start in range(len(words)):
        for end in range(start + 2, len(words) + 1):
            yield " ".join(words[start:end])


def _again(text: str, found: Sequence[Span]) -> Iterator[Span]:
    """Every other place of a full name that was recognised once: a tagger sees it here and misses it there."""
    names = {text[span.start : span.end] for span in found if span.entity == "PERSON" and not span.known}
    full = [name for name in names if " " in name or (len(name) >= 3 and HAN.search(name) and not TITLE.search(name))]
    return (Span(start, end, "PERSON", 0.6) for start, end, _ in Lexicon(full).find(text))


def _field(entity: str, value: str) -> str:
    return "name_en" if entity == "PERSON" and not HAN.search(value) else FIELDS[entity]


def _is_meant(span: Span, text: str, words: "NlpArtifacts") -> bool:
    """Whether a listed name that may be a word stands for the person here."""
    if not HAN.search(span.known):
        return " " in span.known or not is_also_a_word(span.known) or meant(text, span.start, span.end)
    return not _part_of_a_word(span, text, words) and not _modifies(span, text, words) and _likely(span, text, words)


def _likely(span: Span, text: str, words: "NlpArtifacts") -> bool:
    """安排妥当后 names nobody, even when 安排 is listed: LAC and its neighbours all but exclude a person."""
    begins, goes_on = getattr(words, "begins", None), getattr(words, "goes_on", None)
    if span.length != 2 or begins is None or goes_on is None:
        return True
    read = {i: (w, t) for i, w, t in zip(words.tokens_indices, words.lemmas, getattr(words, "tags", []), strict=True)}
    if read.get(span.start, ("", ""))[1] not in ORDINARY:
        return True
    return Likelihood(half_width(text), read, begins, goes_on).of_listed(span.start, span.end) >= LEAST_LISTED


def _part_of_a_word(span: Span, text: str, words: "NlpArtifacts") -> bool:
    """高峰期 does not name 高峰: a short name lies inside one ordinary word, no person, company or name with title."""
    if span.length > 2:
        return False
    i = bisect_right(words.tokens_indices, span.start) - 1
    if i < 0:
        return False
    start = words.tokens_indices[i]
    end = start + len(words.lemmas[i])
    if span.end > end or end - start == span.length or TITLE.fullmatch(text[span.end : end]):
        return False
    if span.end == end and text[start : span.start] in BEFORE_PEOPLE:
        return False
    if span.start == start and end - span.end > 1 and not THINGS.match(text[span.end :]):
        return False  # 平安论证: LAC made one word of the name and what he does
    entities = (e for e in words.entities if e.label_ in ("PERSON", "ORGANIZATION"))
    return not any(e.start_char <= span.start and span.end <= e.end_char for e in entities)


def _modifies(span: Span, text: str, words: "NlpArtifacts") -> bool:
    """高峰时段 does not name 高峰: LAC reads it as an ordinary word before the time, the place or the plan meant."""
    i = bisect_right(words.tokens_indices, span.start) - 1
    tags: list[str] = getattr(words, "tags", [])
    whole = 0 <= i < len(tags) and (words.tokens_indices[i], len(words.lemmas[i])) == (span.start, span.length)
    return whole and tags[i] in ORDINARY and bool(THINGS.match(text[span.end :]))


def _is_longer_name(text: str, other: Span, known: Span) -> bool:
    """Whether `other` is a longer name that only begins like the known one: 李伟明 is not 李伟, 李伟主任 is."""
    if other.start != known.start or other.end <= known.end or not HAN.search(known.known):
        return False
    rest = text[known.end : other.end]
    full = known.length >= 4 or (known.length == 3 and not COMPOUND.match(known.known))
    return (
        not full and len(rest) == 1 and bool(HAN.match(rest)) and rest not in NOT_IN_NAMES and not TITLE.fullmatch(rest)
    )


def _merged(spans: Iterable[Span]) -> list[Span]:
    """In order and without overlap: the longer one wins, two that only overlap become one that covers both."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end, -s.score, not s.known)):
        if not merged or span.start >= merged[-1].end:
            merged.append(span)
        elif span.end > merged[-1].end:
            last = merged.pop()
            longer = max(last, span, key=lambda s: s.length)
            merged.append(Span(last.start, span.end, longer.entity, max(last.score, span.score)))
    return merged


def _outside(span: Span, tokens: Sequence[tuple[int, int]], text: str) -> Iterator[Span]:
    """What of a span lies outside the tokens, if it is more than a single character or punctuation."""
    overlapping = [(start, end) for start, end in tokens if start < span.end and span.start < end]
    if not overlapping:
        yield span
        return
    start = span.start
    for hole_start, hole_end in [*overlapping, (span.end, span.end)]:
        if hole_start > start and len(LETTERS.findall(text[start:hole_start])) > 1:
            yield Span(start, hole_start, span.entity, span.score)
        start = max(start, hole_end)
