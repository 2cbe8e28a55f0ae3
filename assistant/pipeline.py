"""Lead → permit → brief → plan → draft → verified → complied → stored. Only this file knows the order."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from time import monotonic

from assistant.comply import check_sections, missing_phrases
from assistant.comply_scope import NO_SCOPES, Scopes, scopes_on
from assistant.draft import SEED, WAY, Checker, Way, write_draft
from assistant.inputs import inputs_of
from assistant.lead import Lead, own_lead
from assistant.outcome import note_written, write_in_shadow
from assistant.parts import Parts, Progress, Writer
from assistant.plan import Plan, make_plan
from assistant.script import Finding, Script, ScriptSection
from assistant.store import add_script
from assistant.verify import knowledge_of
from governance import consent
from governance.accounts import User
from governance.consent import Permit
from governance.db import reading
from governance.errors import Language, NotFound
from rag.brief import Brief, Customer, brief, customers, decision_maker
from rag.company import Bilingual, Company
from rag.facts import Fact

# Groups whose absence is an answer ("no open ticket"), not a gap in what is known.
NOT_MISSED = frozenset(
    {"rep", "ticket", "tender", "title_change", "purchase2", "purchase3", "contact_topic", "promise"}
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known before anything is written."""

    lead: Lead
    permit: Permit | None  # None: nobody is known who decides, and no personal data is used
    brief: Brief
    plan: Plan
    scopes: Scopes = NO_SCOPES


@dataclass(frozen=True, slots=True)
class Arrived:
    """
    What can be shown while a script is written: every section, in the plan's own wording until its id is in `done`.

    Nothing of it is stored, and the rules see the whole only afterwards.
    """

    prepared: Prepared
    sections: tuple[ScriptSection, ...]
    done: frozenset[str]


OnArrival = Callable[[Arrived], None]


def contact_permit(parts: Parts, customer: Customer, decider: Fact, *, actor: str, as_of: datetime) -> Permit:
    """The right to contact the customer's decision maker; raises NoConsent before any personal value is read."""
    with reading(parts.db) as tx:
        consents = consent.consents_of(tx, decider.subject)
    called = f"{customer.name}{decider.value}"
    return consent.permit(decider.subject, "contact", consents, actor=actor, now=as_of, called=called)


def prepare(
    parts: Parts,
    lead: Lead,
    language: Language,
    user: User,
    *,
    now: datetime,
    as_of: date | None = None,
    known_at: datetime | None = None,
) -> Prepared:
    """
    Consent, brief and plan of a lead; raises NoConsent before any personal value is read.

    `as_of` and `known_at` go back to a day and to what was known then; consent is always asked of `now`.
    """
    today = as_of or now.date()
    with reading(parts.db) as tx:
        customer = customer_of(parts, lead.customer)
        decider = decision_maker(tx, lead.customer, today, known_at=known_at)
        scopes = scopes_on(tx, lead.product, today, known_at)
    permit = contact_permit(parts, customer, decider, actor=user.name, as_of=now) if decider else None
    with parts.db.begin() as tx:
        known = brief(
            tx,
            parts.vault,
            parts.company,
            permit,
            customer,
            product=lead.product or None,
            as_of=today,
            language=language,
            known_at=known_at,
        )
    representative = parts.company.translate(user.display, language)
    return Prepared(lead, permit, known, make_plan(parts.company, known, lead.stage, representative), scopes)


def customer_of(parts: Parts, customer_id: str) -> Customer:
    """The customer; raises NotFound."""
    with reading(parts.db) as tx:
        found = [customer for customer in customers(tx) if customer.id == customer_id]
    if not found:
        raise NotFound(kind={"zh": "客户", "en": "customer"}, name=customer_id)
    return found[0]


def write_script(
    parts: Parts,
    lead_id: str,
    language: Language,
    user: User,
    *,
    now: datetime,
    on_progress: Progress,
    on_arrival: OnArrival = lambda _: None,
    way: Way = WAY,
) -> str:
    """
    Write the script of a lead and store it as a draft; returns its id. Raises Refused, NotFound.

    `on_arrival` sees the plan's own wording before any model runs, then each section as it is done.
    """
    with reading(parts.db) as tx:
        lead = own_lead(tx, lead_id, user)
    on_progress("brief", 0, 4)
    prepared = prepare(parts, lead, language, user, now=now)
    on_progress("plan", 1, 4)
    checker = checker_of(parts.company, prepared.brief, prepared.scopes)
    planned = _Arriving(prepared, write_draft(prepared.plan, checker, None, None)[0], on_arrival)
    writer = _writer(parts, lead, on_progress)
    on_progress("draft", 2, 4)
    engine, adapter = (writer.engine, writer.adapter) if writer else (None, None)
    started = monotonic()
    sections, replaced = write_draft(
        prepared.plan, checker, engine, adapter, way=way, on_section=planned.take if adapter else lambda _: None
    )
    seconds = monotonic() - started
    on_progress("comply", 3, 4)
    script = script_of_draft(parts.company, prepared, sections, now.date())
    script = replace(
        script,
        adapter=adapter,
        replaced=replaced,
        rollout=writer.rollout if writer else None,
        arm=writer.arm if writer else "baseline",
        inputs=inputs_of(parts, prepared.brief, prepared.plan, adapter, seed=SEED, way=way, now=now),
    )
    decider = next(iter(prepared.permit.subjects or ()), "") if prepared.permit else ""
    with parts.db.begin() as tx:
        script_id = add_script(
            tx,
            parts.vault,
            script,
            lead=lead.id,
            subject=decider,
            risk=risk_of(script, prepared.brief),
            by=user.name,
            now=now,
            brief=_facts_by_group(prepared.brief),
        )
        if script.rollout is not None and adapter is not None:
            note_written(tx, script.rollout, script.arm, script_id, sections, seconds, now)
    if writer is not None and writer.shadow is not None:
        parts.run_later(lambda: write_in_shadow(parts, writer, prepared.plan, checker, script_id, now))
    on_progress("done", 4, 4)
    return script_id


def _writer(parts: Parts, lead: Lead, on_progress: Progress) -> Writer | None:
    """Who writes this script, told as a step of its own where the model must be loaded first."""
    if not parts.company.phrases.stages[lead.stage].trained:
        return None
    if parts.waits_for_model(lead.stage, lead.customer):
        on_progress("load", 2, 4)
    return parts.writer(lead.stage, lead.customer)


class _Arriving:
    """Tells `on_arrival` how the script stands, at once and after every section that `take` is given."""

    def __init__(self, prepared: Prepared, planned: tuple[ScriptSection, ...], on_arrival: OnArrival) -> None:
        self._now, self._tell = Arrived(prepared, planned, frozenset()), on_arrival
        on_arrival(self._now)

    def take(self, section: ScriptSection) -> None:
        sections = tuple(section if each.id == section.id else each for each in self._now.sections)
        self._now = replace(self._now, sections=sections, done=self._now.done | {section.id})
        self._tell(self._now)


def script_of_draft(company: Company, prepared: Prepared, sections: tuple[ScriptSection, ...], day: date) -> Script:
    """The script with these sentences and all that the brief and the rules say of it; the plan's own until told."""
    known, lead = prepared.brief, prepared.lead
    return Script(
        language=known.language,
        customer=lead.customer,
        customer_name=known.customer.name_en if known.language == "en" else known.customer.name,
        stage=lead.stage,
        product=lead.product,
        as_of=day,
        phrase_version=company.phrases.version,
        adapter=None,
        sections=sections,
        unknowns=_unknowns(company, known),
        notices=(*(notice.text for notice in known.notices), *prepared.plan.left_out),
        replaced=(),
        findings=findings_of(company, lead.stage, known.language, sections, prepared.scopes),
    )


def _facts_by_group(known: Brief) -> dict[str, list[str]]:
    return {name: [fact for value in group.values for fact in value.facts] for name, group in known.groups.items()}


def checker_of(company: Company, known: Brief, scopes: Scopes = NO_SCOPES) -> Checker:
    """What sentences about this customer are checked against."""
    texts = {source.id: source.text for source in known.sources.values()}
    return Checker(company, knowledge_of(known), texts, known.language, company.phrases.version, scopes)


def findings_of(
    company: Company,
    stage: str,
    language: Language,
    sections: tuple[ScriptSection, ...],
    scopes: Scopes = NO_SCOPES,
) -> tuple[Finding, ...]:
    """What the rules and the certificates say of the finished text."""
    said = {section.id: "\n".join(line.text for line in section.sentences) for section in sections}
    fired = check_sections(company, sections, language)
    fired += [f for section, text in said.items() for f in scopes.findings(text, language, section)]
    return (*fired, *(missing_phrases(company, stage, language, said) if stage in company.phrases.stages else ()))


def risk_of(script: Script, known: Brief) -> str:
    """High: a tender is open, or a rule asks for a closer look. High risk needs two people."""
    tender = any(notice.kind == "tender_blackout" for notice in known.notices)
    return "high" if tender or any(finding.severity == "review" for finding in script.findings) else "low"


def _unknowns(company: Company, known: Brief) -> tuple[Bilingual, ...]:
    """What the brief does not know, and what its sources contradict each other about."""
    labels = company.phrases.labels
    missing = [labels[group] for group in known.unknown if group not in NOT_MISSED and group in labels]
    disputed = [
        Bilingual(
            zh=f"{labels[group].zh}（资料互相矛盾，未引用）", en=f"{labels[group].en} (sources disagree, not used)"
        )
        for group in known.disputed
        if group in labels
    ]
    return (*missing, *disputed)
