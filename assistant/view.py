"""Scripts and briefs as one viewer may see them: people named to who holds a permit, pseudonymised for all others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, cast

from sqlalchemy import Connection

from assistant.changed import ChangedView, changed, changed_views, rests_on_change
from assistant.comply_hours import CallState, call_state, hours_for
from assistant.comply_recheck import since, stopped_now
from assistant.lead import Lead, lead_of, own_lead
from assistant.parts import Parts
from assistant.pipeline import NOT_MISSED, contact_permit, customer_of, prepare
from assistant.render_check import Rechecked, recheck
from assistant.script import Bilingual, Check, Finding, Origin, Script
from assistant.store import Stored, reviews_of, script_of
from governance import ledger, vault
from governance.accounts import User
from governance.consent import Permit
from governance.db import reading
from governance.errors import Language, NotAllowed
from rag.brief import Brief, decision_maker
from rag.called import crew_of
from rag.company import Company
from rag.sources import Source, sources
from rag.values import say_quantity

SEPARATOR = "\x1e"
EXCERPT_CHARACTERS = 160
Show = Callable[[Sequence[str]], list[str]]
Decided = Literal["approve", "reject", "withdraw"]


@dataclass(frozen=True, slots=True)
class SentenceView:
    text: str
    evidence: tuple[int, ...]
    structured_check: Check
    source_check: Check
    origin: Origin


@dataclass(frozen=True, slots=True)
class SectionView:
    id: str
    title: str
    sentences: tuple[SentenceView, ...]


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """`place` is the page or the row; `date` the day of the source, "" when it has none."""

    number: int
    title: str
    place: str
    date: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class ReplacedView:
    section: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True, slots=True)
class FindingView:
    rule: str
    article: str
    severity: str
    message: str
    instead: str
    quoted: str
    version: str = ""
    section: str = ""
    unverified: bool = False  # nobody has looked the article up


@dataclass(frozen=True, slots=True)
class DecisionView:
    by: str
    decision: Decided
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ScriptView:
    id: str
    lead: str
    customer: str
    stage: str
    language: Language
    status: str
    risk: str
    adapter: str | None
    author: str
    created_at: datetime
    as_of: str
    sections: tuple[SectionView, ...]
    evidence: tuple[EvidenceView, ...]
    unknowns: tuple[str, ...]
    notices: tuple[str, ...]
    replaced: tuple[ReplacedView, ...]
    findings: tuple[FindingView, ...]
    decision: DecisionView | None
    history: tuple[tuple[datetime, str, str], ...]  # when, who, what
    changed: tuple[ChangedView, ...] = ()  # what it rests on and is not as it was when it was written
    stale: bool = False  # a sentence is concerned: not to be used as it is
    stopped: tuple[FindingView, ...] = ()  # what the rules in force would stop and did not when it was written
    stopped_since: datetime | None = None
    call: CallState | None = None  # None: nobody is called


@dataclass(frozen=True, slots=True)
class FactLine:
    label: str
    text: str
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BriefView:
    customer: str
    stage: str
    as_of: str
    lines: tuple[FactLine, ...]
    notices: tuple[FactLine, ...]
    unknowns: tuple[str, ...]
    disputed: tuple[str, ...]
    evidence: tuple[EvidenceView, ...]
    call: CallState | None = None  # None: nobody is called


def view_script(parts: Parts, script_id: str, user: User, now: datetime, reader: Language | None = None) -> ScriptView:
    """
    The script for `user`: its author with people named (consent is asked again, raises NoConsent), a coordinator or an
    admin with pseudonyms. Raises NotAllowed for anybody else, NotFound. `reader`: the language of what is said about
    it, by default that of the script.
    """
    with reading(parts.db) as tx:
        stored = script_of(tx, parts.vault, script_id)
        found = sources(tx, parts.vault, stored.body.sources)
        decisions = reviews_of(tx, script_id)
        events = ledger.events_of(tx, script_id)
        flagged = changed(tx, [script_id], now.date()).get(script_id, [])
        halted = stopped_now(tx, parts.company, stored, now.date())
        noted = since(tx, [script_id]) if halted else {}
        call = _call(tx, parts.company, lead_of(tx, stored.lead), now)
        checks = recheck(tx, stored.body, found, parts.company, now.date())
    show = shower(parts, stored, user, now)
    script, language = stored.body, stored.body.language
    numbers = {source: number for number, source in enumerate(script.sources, 1)}
    lines = [line for section in script.sections for line in section.sentences]
    before_after = [text for change in script.replaced for text in (change.before, change.after)]
    cited = [found[source] for source in script.sources]
    quoted = [finding.quoted for finding in script.findings]
    notices = [notice.say(language) for notice in script.notices]
    now_quoted = [finding.quoted for finding in halted]
    shown = [*(line.text for line in lines), *before_after, *map(excerpt, cited), *quoted, *notices, *now_quoted]
    texts = iter(show(shown))
    titles = {section: each.title.say(language) for section, each in parts.company.phrases.sections.items()}
    return ScriptView(
        id=stored.id,
        lead=stored.lead,
        customer=script.customer_name,
        stage=parts.company.phrases.stages[script.stage].name.say(language),
        language=language,
        status=stored.status,
        risk=stored.risk,
        adapter=script.adapter,
        author=stored.created_by,
        created_at=stored.created_at,
        as_of=script.as_of.isoformat(),
        sections=_sections(script, texts, numbers, checks),
        replaced=tuple(
            ReplacedView(titles.get(c.section, c.section), next(texts), next(texts), c.reason.say(language))
            for c in script.replaced
        ),
        evidence=tuple(evidence_view(number, source, next(texts), language) for number, source in enumerate(cited, 1)),
        findings=findings_view(parts.company, script.findings, language, texts),
        notices=tuple(next(texts) for _ in notices),
        unknowns=tuple(unknown.say(language) for unknown in script.unknowns),
        decision=next(
            (DecisionView(d.reviewer, cast(Decided, d.decision), d.reason, d.at) for d in decisions[::-1]),
            None,
        ),
        history=tuple((event.at, event.actor, event.event) for event in events),
        changed=changed_views(flagged, parts.company, reader or language),
        stale=rests_on_change(flagged) or bool(halted),
        stopped=findings_view(parts.company, halted, reader or language, texts),
        stopped_since=noted.get(script_id),
        call=call,
    )


def findings_view(
    company: Company, found: Sequence[Finding], language: Language, quotes: Iterator[str]
) -> tuple[FindingView, ...]:
    """Findings as shown; `quotes` are their quoted words as this viewer may see them."""
    doubtful = {rule.id for _, rule in company.rules() if rule.unverified}
    titles = {section: each.title.say(language) for section, each in company.phrases.sections.items()}
    return tuple(
        FindingView(
            f.rule,
            f.article,
            f.severity,
            f.message.say(language),
            f.instead.say(language),
            next(quotes),
            f.version,
            titles.get(f.section, f.section),
            f.rule in doubtful,
        )
        for f in found
    )


def view_brief(parts: Parts, lead_id: str, user: User, language: Language, now: datetime) -> BriefView:
    """What is known about the customer of a lead, for the rep who entered it. Raises NoConsent, NotAllowed."""
    with reading(parts.db) as tx:
        lead = own_lead(tx, lead_id, user)
    prepared = prepare(parts, lead, language, user, now=now)
    known, permit = prepared.brief, prepared.permit
    numbers: dict[str, int] = {}
    raw = [*_lines(parts.company, known, language)]
    notices = [("", notice.text.say(language), notice.sources) for notice in known.notices]
    with reading(parts.db) as tx:
        call = _call(tx, parts.company, lead, now)
    for _, _, cited in (*raw, *notices):
        for source in cited:
            numbers.setdefault(source, len(numbers) + 1)
    listed = [known.sources[source] for source in numbers]
    wanted = [*(text for _, text, _ in raw), *(text for _, text, _ in notices), *map(excerpt, listed)]
    texts = iter(named(parts, permit, lead.customer, known.as_of, language, now)(wanted))

    def facts(rows: Iterable[tuple[str, str, tuple[str, ...]]]) -> tuple[FactLine, ...]:
        return tuple(FactLine(label, next(texts), tuple(numbers[s] for s in cited)) for label, _, cited in rows)

    labels = parts.company.phrases.labels
    return BriefView(
        customer=known.customer.name_en if language == "en" and known.customer.name_en else known.customer.name,
        stage=parts.company.phrases.stages[lead.stage].name.say(language),
        as_of=known.as_of.isoformat(),
        lines=facts(raw),
        notices=facts(notices),
        unknowns=tuple(labels[g].say(language) for g in known.unknown if g not in NOT_MISSED and g in labels),
        disputed=tuple(labels[g].say(language) for g in known.disputed if g in labels),
        evidence=tuple(evidence_view(n, s, next(texts), language) for n, s in enumerate(listed, 1)),
        call=call,
    )


def _call(tx: Connection, company: Company, lead: Lead, now: datetime) -> CallState | None:
    return call_state(now, hours_for(tx, company, lead.customer)) if lead.channel == "phone" else None


def evidence_view(number: int, source: Source, quoted: str, language: Language) -> EvidenceView:
    """A source as a numbered entry."""
    place = ""
    if source.row is not None:
        place = f"第{source.row}行" if language == "zh" else f"row {source.row}"
    elif source.page is not None:
        place = f"第{source.page}页" if language == "zh" else f"page {source.page}"
    elif source.heading:
        place = source.heading
    return EvidenceView(number, source.title, place, source.date.isoformat() if source.date else "", quoted)


def shower(parts: Parts, stored: Stored, user: User, now: datetime) -> Show:
    """How `user` may see people in texts about this script; raises NotAllowed, NoConsent."""
    body = stored.body
    language, day = body.language, body.as_of
    if stored.created_by == user.name and "rep" in user.roles:
        customer = customer_of(parts, body.customer)
        with reading(parts.db) as tx:
            decider = decision_maker(tx, customer.id, day)
        if decider is None or decider.subject != stored.subject:  # another person decides by now: not his data
            return named(parts, None, body.customer, day, language, now)
        permit = contact_permit(parts, customer, decider, actor=user.name, as_of=now)
        return named(parts, permit, body.customer, day, language, now)
    if not user.roles & {"coordinator", "admin"}:
        raise NotAllowed(user=user.name, action={"zh": "查看他人的话术", "en": "see another rep's script"})
    return named(parts, None, body.customer, day, language, now)


def named(parts: Parts, permit: Permit | None, customer: str, day: date, language: Language, now: datetime) -> Show:
    """Texts about a customer with the people whom `permit` covers by name, all others by post and letter."""

    def show(texts: Sequence[str]) -> list[str]:
        joined = SEPARATOR.join(texts)
        with reading(parts.db) as tx:
            crew = crew_of(tx, parts.company, day, language, text=joined, customer=customer)
        if permit is None:
            return crew.shown(joined, language).split(SEPARATOR)
        with parts.db.begin() as tx:
            roles = crew.of(customer)
            shown = vault.reveal(tx, parts.vault, permit, joined, language, now=now, roles=roles)
        return shown.split(SEPARATOR)

    return show


def _sections(
    script: Script, texts: Iterable[str], numbers: dict[str, int], checks: Iterable[Rechecked]
) -> tuple[SectionView, ...]:
    remaining, today = iter(texts), iter(checks)
    return tuple(
        SectionView(
            section.id,
            section.title,
            tuple(
                SentenceView(
                    next(remaining),
                    tuple(numbers[s] for s in line.sources),
                    check.structured,
                    check.source,
                    line.origin,
                )
                for line, check in zip(section.sentences, today, strict=False)
            ),
        )
        for section in script.sections
    )


def _lines(company: Company, known: Brief, language: Language) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    """Label, text (people as tokens) and sources of every line of the brief card."""
    comma = "，" if language == "zh" else ", "
    for name, group in known.groups.items():
        if name == "rep" or name.startswith("purchase"):
            continue
        label = company.phrases.labels[name].say(language) if name in company.phrases.labels else name
        cited = tuple(dict.fromkeys(source for value in group.values for source in value.sources))
        yield label, comma.join(value.text for value in group.values), cited
    words = Bilingual(zh="近三年采购", en="Bought in three years")
    for bought in known.purchases:
        years = (
            "、".join(f"{year}年" for year in bought.years) if language == "zh" else ", ".join(map(str, bought.years))
        )
        category = company.translate(bought.category, language)
        count = say_quantity(bought.quantity, bought.unit, company, language)
        amount = f"{category}：{years}，共{count}" if language == "zh" else f"{category}: {years}, {count} in all"
        cited = tuple(dict.fromkeys(known.facts[fact].source for fact in bought.facts))
        yield words.say(language), amount, cited
    history = Bilingual(zh="任职变动", en="Posts over time")
    for fact in known.titles:
        start = fact.valid_from.isoformat() if fact.valid_from else "?"
        end = fact.valid_to.isoformat() if fact.valid_to else ("至今" if language == "zh" else "today")
        person = vault.token(fact.subject, "name" if language == "zh" else "name_en")
        yield (
            history.say(language),
            f"{person} {company.translate(fact.value, language)} {start} – {end}",
            (fact.source,),
        )


def excerpt(source: Source) -> str:
    """The beginning of a source's text, cut before a token that would be torn."""
    text = " ".join(source.text.split())
    if len(text) <= EXCERPT_CHARACTERS:
        return text
    cut = text[:EXCERPT_CHARACTERS]
    opened, closed = cut.rfind("[["), cut.rfind("]]")
    return (cut[:opened] if opened > closed else cut) + "…"
