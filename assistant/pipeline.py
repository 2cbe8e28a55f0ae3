"""Lead → permit → brief → plan → draft → verified → complied → stored. Only this file knows the order."""

from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from assistant.comply import check_text, missing_phrases
from assistant.draft import Checker, write_draft
from assistant.lead import Lead, own_lead
from assistant.outcome import note_written, write_in_shadow
from assistant.parts import Parts, Progress
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
NOT_MISSED = frozenset({"rep", "ticket", "tender", "title_change", "purchase2", "purchase3"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known before anything is written."""

    lead: Lead
    permit: Permit | None  # None: nobody is known who decides, and no personal data is used
    brief: Brief
    plan: Plan


def contact_permit(parts: Parts, customer: Customer, decider: Fact, *, actor: str, as_of: datetime) -> Permit:
    """The right to contact the customer's decision maker; raises NoConsent before any personal value is read."""
    with reading(parts.db) as tx:
        consents = consent.consents_of(tx, decider.subject)
    called = f"{customer.name}{decider.value}"
    return consent.permit(decider.subject, "contact", consents, actor=actor, now=as_of, called=called)


def prepare(parts: Parts, lead: Lead, language: Language, user: User, *, now: datetime) -> Prepared:
    """Consent, brief and plan of a lead; raises NoConsent before any personal value is read."""
    today = now.date()
    with reading(parts.db) as tx:
        customer = customer_of(parts, lead.customer)
        decider = decision_maker(tx, lead.customer, today)
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
        )
    representative = parts.company.translate(user.display, language)
    return Prepared(lead, permit, known, make_plan(parts.company, known, lead.stage, representative))


def customer_of(parts: Parts, customer_id: str) -> Customer:
    """The customer; raises NotFound."""
    with reading(parts.db) as tx:
        found = [customer for customer in customers(tx) if customer.id == customer_id]
    if not found:
        raise NotFound(kind={"zh": "客户", "en": "customer"}, name=customer_id)
    return found[0]


def write_script(
    parts: Parts, lead_id: str, language: Language, user: User, *, now: datetime, on_progress: Progress
) -> str:
    """Write the script of a lead and store it as a draft; returns its id. Raises Refused, NotFound."""
    with reading(parts.db) as tx:
        lead = own_lead(tx, lead_id, user)
    on_progress("brief", 0, 4)
    prepared = prepare(parts, lead, language, user, now=now)
    on_progress("plan", 1, 4)
    writer = parts.writer(lead.stage, lead.customer)
    on_progress("draft", 2, 4)
    engine, adapter = (writer.engine, writer.adapter) if writer else (None, None)
    checker = checker_of(parts.company, prepared.brief)
    started = monotonic()
    sections, replaced = write_draft(prepared.plan, checker, engine, adapter)
    seconds = monotonic() - started
    on_progress("comply", 3, 4)
    script = Script(
        language=language,
        customer=lead.customer,
        customer_name=prepared.brief.customer.name_en if language == "en" else prepared.brief.customer.name,
        stage=lead.stage,
        product=lead.product,
        as_of=now.date(),
        phrase_version=parts.company.phrases.version,
        adapter=adapter,
        sections=sections,
        unknowns=_unknowns(parts.company, prepared.brief),
        notices=(*(notice.text for notice in prepared.brief.notices), *prepared.plan.left_out),
        replaced=replaced,
        findings=findings_of(parts.company, lead.stage, language, sections),
        rollout=writer.rollout if writer else None,
        arm=writer.arm if writer else "baseline",
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


def _facts_by_group(known: Brief) -> dict[str, list[str]]:
    return {name: [fact for value in group.values for fact in value.facts] for name, group in known.groups.items()}


def checker_of(company: Company, known: Brief) -> Checker:
    """What sentences about this customer are checked against."""
    texts = {source.id: source.text for source in known.sources.values()}
    return Checker(company, knowledge_of(known), texts, known.language, company.phrases.version)


def findings_of(
    company: Company, stage: str, language: Language, sections: tuple[ScriptSection, ...]
) -> tuple[Finding, ...]:
    """What the rules say of the finished text."""
    said = {section.id: "\n".join(line.text for line in section.sentences) for section in sections}
    fired = [f for section, text in said.items() for f in check_text(company, text, language, section)]
    return (*fired, *missing_phrases(company, stage, language, said))


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
