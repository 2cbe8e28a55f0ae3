"""Claimed uses of a product against the scope that is valid on the day; an expired certificate covers none."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from sqlalchemy import Connection

from assistant.script import Finding
from governance.errors import Language
from rag.company import Bilingual
from rag.customers import products
from rag.disguise import plain
from rag.facts import Fact, facts_of, holds
from rag.merged import merged_into
from rag.product_state import certificate_on

ARTICLE = (
    "《广告法》第十六条第二款；"
    "《药品、医疗器械、保健食品、特殊医学用途配方食品广告审查管理暂行办法》（总局令第21号）第六条"
)
VERSION = "2020-03-01"
_USE = {
    "zh": re.compile(
        r"(?:适用于|用于|可用来|用来|能做|可以做|可做|能查|可以查|适合做|能看|可以看|(?:能|可|能够|可以)检测)([^，。；！？\n（）]{2,40})"
    ),
    "en": re.compile(
        r"\b(?:intended|indicated|suitable|used|designed|works?|approved) (?:for|in|to)\b([^.;!?\n]{3,120})", re.I
    ),
}
_SENTENCE = re.compile(r"[^。！？!?\n]+[。！？!?\n]?|[^.!?\n]+[.!?\n]?")
_PARTS = {"zh": re.compile(r"[、和与及或]|以及|还有"), "en": re.compile(r",|\band\b|\bor\b|\bas well as\b", re.I)}
_FILLER = {
    "zh": re.compile(r"的|了|等|各种|进行|检查|诊断|检测|超声|使用|临床|我们|科室|患者|也|可以|吗|部位|疾病"),
    "en": re.compile(
        r"\b(?:the|an?|of|for|in|on|to|with|use|used|examinations?|diagnosis|diagnostic|imaging|patients?|ultrasound)\b",
        re.I,
    ),
}
_STEP = re.compile(
    r"(?:技术|招标|预约|联系|沟通|培训|发货|安装|开票|付款|验收|本次|这次|清洁|消毒|补发|备用|登记|project|tender|delivery|training|contact|installation|invoice|cleaning)"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """One product on a day: how it is called, what its scope says, and whether a certificate was valid."""

    product: str
    names: tuple[str, ...]
    texts: tuple[str, ...]
    certificate: str
    until: str
    is_valid: bool


@dataclass(frozen=True, slots=True)
class Scopes:
    """Of every product on a day; `about`: the one that a sentence without a name speaks of, "" for none."""

    about: str = ""
    known: tuple[Scope, ...] = ()

    def findings(self, text: str, language: Language, section: str = "") -> list[Finding]:
        """What of `text` no valid certificate covers."""
        return scope_findings(text, language, self.known, about=self.about, section=section)


NO_SCOPES = Scopes()


def scopes_on(tx: Connection, about: str, day: date, known_at: datetime | None = None) -> Scopes:
    """What was known of the products (ids without their prefix) on `day`."""
    into = merged_into(tx, known_at)
    stated: dict[str, list[Fact]] = {}
    for fact in facts_of(tx, "certificate", "scope", known_at=known_at):
        stated.setdefault(into.get(fact.subject, fact.subject), []).append(fact)
    known = (
        scope_of(each.id.removeprefix("product:"), stated.get(each.id, ()), day, (each.name, each.name_en, each.model))
        for each in products(tx)
    )
    return Scopes(about, tuple(sorted(known, key=lambda scope: scope.product)))


def scope_of(product: str, stated: Sequence[Fact], day: date, names: Sequence[str] = ()) -> Scope:
    """One product's from its facts; `names` beside those that the facts state. Pure."""
    state = certificate_on(stated, day)
    naming = [fact for fact in stated if fact.relation == "name"]
    called = [
        n for fact in naming for n in (fact.value, fact.attributes.get("name_en", ""), fact.attributes.get("model", ""))
    ]
    called += names
    texts = [fact.value for fact in stated if fact.relation == "scope" and holds(fact, day)]
    valid = state.kind in ("valid", "unstated")
    return Scope(product, tuple(filter(None, dict.fromkeys(called))), tuple(texts), state.number, state.until, valid)


def scope_findings(
    text: str, language: Language, scopes: Iterable[Scope], *, about: str = "", section: str = ""
) -> list[Finding]:
    """
    A block for each claimed use that the valid scope does not hold, and for each use of a product without a valid
    certificate. `about`: the product that a sentence without a name speaks of, "" for none.
    """
    known = {scope.product: scope for scope in scopes}
    found: list[Finding] = []
    for sentence in _SENTENCE.findall(plain(text).text):
        uses = _uses(sentence, language)
        meant = (_named(sentence, known.values()) or [about]) if uses else []
        for scope in (known[product] for product in meant if product in known):
            found += [_finding(scope, use, section) for use in uses if not _covers(scope, use, language)]
    return list(dict.fromkeys(found))


def _named(sentence: str, scopes: Iterable[Scope]) -> list[str]:
    """The products that a sentence names; TM-12 Pro is not also TM-12."""
    named = {scope.product: [n for n in map(_plain, scope.names) if n in sentence] for scope in scopes}
    said = {name for names in named.values() for name in names}
    inner = {name for name in said if any(name != other and name in other for other in said)}
    return [product for product, names in named.items() if set(names) - inner]


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    return plain(name).text


def _uses(sentence: str, language: Language) -> list[str]:
    """What the sentence says something can be used for."""
    if _denies(sentence):
        return []
    claims = [
        part.strip()
        for match in _USE[language].finditer(sentence)
        for part in _PARTS[language].split(match[1])
        if not _STEP.search(part)
    ]
    return [claim for claim in claims if _core(claim, language)]


def _covers(scope: Scope, claim: str, language: Language) -> bool:
    return scope.is_valid and _inside(claim, language, scope)


def _denies(sentence: str) -> bool:
    return (
        re.search(r"不(?:能|得|可|适|在|支持|推荐|要)|未|请勿|禁|没有|\bnot\b|\bnever\b|n't|吗|\?|？", sentence)
        is not None
    )


def _core(claim: str, language: Language) -> str:
    return re.sub(r"[\s，。；.;:：]+", "" if language == "zh" else " ", _FILLER[language].sub("", claim)).strip()


def _inside(claim: str, language: Language, scope: Scope) -> bool:
    written = [text for text in scope.texts if (re.search(r"[\u4e00-\u9fff]", text) is not None) == (language == "zh")]
    core, texts = _core(claim, language), [plain(text).text for text in written]
    if language == "en":
        return any(all(word in text for word in core.split()) for text in texts) or not texts
    pairs = [core[i : i + 2] for i in range(len(core) - 1)] or [core]
    return any(sum(pair in text for pair in pairs) * 2 > len(pairs) for text in texts) or not texts


def _finding(scope: Scope, claim: str, section: str) -> Finding:
    if scope.is_valid:
        message = Bilingual(
            zh=f"“{claim}”不在有效注册证（{scope.certificate}）载明的适用范围内。",
            en=f"'{claim}' is not within the intended use of the valid certificate ({scope.certificate}).",
        )
    else:
        zh, en = (f"（{scope.until}到期）", f" (ended {scope.until})") if scope.until else ("", "")
        message = Bilingual(
            zh=f"该产品当日没有有效的注册证{zh}，不得介绍其用途。",
            en=f"The product has no certificate valid on the day{en}; its uses may not be promoted.",
        )
    instead = Bilingual(
        zh="适用范围以有效注册证和说明书为准，我核实后书面提供给您。",
        en="The intended use is that of the valid certificate, and I will send it to you in writing.",
    )
    return Finding("beyond-valid-scope", ARTICLE, VERSION, "block", message, instead, claim, section)
