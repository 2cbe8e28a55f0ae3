"""The author changes his own draft: edits sentences, has a section written again, or takes the last change back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from assistant.changed import changed, rests_on_change
from assistant.comply_scope import scopes_on
from assistant.draft import Checker, Pen, check_edit, rewrite_section
from assistant.inputs import phrases_digest
from assistant.lead import lead_of
from assistant.parts import Parts
from assistant.pipeline import Prepared, checker_of, findings_of, prepare, risk_of
from assistant.replay import prepared_then
from assistant.script import Rewrite, Script, ScriptSection
from assistant.store import Stored, add_script, move_to, script_of
from assistant.typed_names import without_names
from assistant.view import named
from governance import ledger
from governance.accounts import User
from governance.db import reading
from governance.errors import Conflict, Invalid, NotAllowed, Refused
from governance.pseudonyms import restore
from governance.vault import TOKEN
from rag.company import Company
from sandbox.registry import checked_reason, reason_detail

OPEN = ("draft", "rejected")  # what its author may still change
MOST_REWRITES = 3  # of one section; undoing one does not give it back
LONGEST_SENTENCE = 400
Edits = Mapping[tuple[str, int], str]  # section and index → the new sentence


@dataclass(frozen=True, slots=True)
class _Bench:
    """A draft on its author's desk, with the brief and the plan that it was written from."""

    stored: Stored
    prepared: Prepared
    checker: Checker


def edit(parts: Parts, script_id: str, user: User, edits: Edits, *, now: datetime) -> str:
    """
    A new draft with these sentences in the author's own words; each is verified, and one that a rule blocks, that
    invents a value or drops what must be said is refused with the reason. Raises Refused, Invalid, Conflict.
    """
    bench = _open(parts, script_id, user, now)
    if not edits:
        raise Invalid(reason={"zh": "没有修改任何句子", "en": "no sentence was changed"})
    names = _names(parts, bench, now)
    sections = edited(parts, bench.stored.body.sections, edits, names, bench.prepared, bench.checker)
    detail = {"supersedes": script_id, "sentences": len(edits)}
    script = replace(bench.stored.body, sections=sections, restores=None)
    return _store(parts, bench, script, user, "script.edited", detail, now)


def regenerate(parts: Parts, script_id: str, section_id: str, user: User, reason: str, *, now: datetime) -> str:
    """
    A new draft with one section written again: by the script's own adapter with another seed, or without one in the
    next of the approved wordings. Raises Conflict after the third time, or when facts or phrases have changed since.
    """
    bench, reason = _open(parts, script_id, user, now), checked_reason(reason)
    body, given = bench.stored.body, bench.stored.body.inputs
    planned = next((each for each in bench.prepared.plan.sections if each.id == section_id), None)
    if planned is None or section_id not in {each.id for each in body.sections}:
        raise Invalid(reason={"zh": "话术里没有这一节", "en": "the script has no such section"})
    turn = 1 + sum(each.section == section_id for each in body.rewrites)
    if turn > MOST_REWRITES:
        zh, en = (
            f"每节最多重写 {MOST_REWRITES} 次，请直接修改语句",
            f"a section is rewritten at most {MOST_REWRITES} times",
        )
        raise Conflict(reason={"zh": zh, "en": en})
    _refuse_changed(parts, bench, now)
    if body.adapter is not None:
        parts.load(body.adapter)
    engine = parts.engine if body.adapter is not None else None
    seed = (given.seed if given else 1) + turn
    section, replaced = rewrite_section(planned, bench.checker, Pen(engine, body.adapter, seed), turn)
    if not section.sentences:
        raise Refused(reason={"zh": "重写后没有一句通过核实", "en": "no sentence of the new text could be verified"})
    sections = tuple(section if each.id == section_id else each for each in body.sections)
    others = tuple(change for change in body.replaced if change.section != section_id)
    note = Rewrite(section_id, reason, turn, seed, user.name, now)
    script = replace(
        body, sections=sections, replaced=(*others, *replaced), rewrites=(*body.rewrites, note), restores=None
    )
    detail = {"supersedes": script_id, "section": section_id, "turn": turn, **reason_detail(reason)}
    return _store(parts, bench, script, user, "script.regenerated", detail, now)


def undo(parts: Parts, script_id: str, user: User, *, now: datetime) -> str:
    """A new draft that holds again what stood before the last change; repeated, it goes further back."""
    bench = _open(parts, script_id, user, now)
    with reading(parts.db) as tx:
        before = version_before(parts, tx, bench.stored)
    if before is None:
        raise Conflict(reason={"zh": "没有可以撤销的修改", "en": "there is no change to take back"})
    kept = [(each.section, each.turn) for each in before.body.rewrites if not each.undone]
    tries = tuple(
        replace(each, undone=each.undone or (each.section, each.turn) not in kept)
        for each in bench.stored.body.rewrites
    )
    script = replace(before.body, rewrites=tries, restores=before.id)
    return _store(parts, bench, script, user, "script.undone", {"supersedes": script_id, "restores": before.id}, now)


def version_before(parts: Parts, tx: Connection, stored: Stored) -> Stored | None:
    """What stood before the last change of its text."""
    origin = script_of(tx, parts.vault, stored.body.restores) if stored.body.restores else stored
    return script_of(tx, parts.vault, origin.supersedes) if origin.supersedes else None


def edited(
    parts: Parts,
    sections: Sequence[ScriptSection],
    edits: Edits,
    names: Mapping[str, str],
    prepared: Prepared,
    checker: Checker,
) -> tuple[ScriptSection, ...]:
    """
    The sections with a person's sentences; `names`: how he sees people → token. Names of the records are stored as
    tokens, others are refused. Raises Invalid, Refused.
    """
    plans = {section.id: section for section in prepared.plan.sections}
    known = {(section.id, index) for section in sections for index in range(len(section.sentences))}
    if missing := set(edits) - {place for place in known if place[0] in plans}:
        place = f"{min(missing)[0]} {min(missing)[1] + 1}"
        raise Conflict(
            reason={
                "zh": f"方案里已没有这句话（{place}），请重新撰写",
                "en": f"the plan no longer has {place}; write it again",
            }
        )
    found: list[ScriptSection] = []
    for section in sections:
        lines = list(section.sentences)
        for index, line in enumerate(lines):
            if (section.id, index) not in edits:
                continue
            text = _checked(edits[section.id, index])
            own = _may_be_named(parts.company, prepared)
            text, typed = without_names(restore(text, names), line.text, own, lambda: parts.redactor, parts.vault)
            lines[index], refused = check_edit(plans[section.id], line, text, checker)
            if refused is not None:
                zh, en = (_said(each, names, typed) for each in (refused.zh, refused.en))
                raise Refused(reason={"zh": zh, "en": en})
        found.append(replace(section, sentences=tuple(lines)))
    return tuple(found)


def _may_be_named(company: Company, prepared: Prepared) -> list[str]:
    """The caller, both companies and what is offered; whoever stands behind a value of a person is a token."""
    customer = prepared.brief.customer
    named = (customer.name, customer.name_en, *customer.aliases, company.name("zh"), company.name("en"))
    values = {each.text for section in prepared.plan.sections for each in section.values.values()}
    return [*named, *(text for text in values if not TOKEN.search(text))]


def _said(text: str, names: Mapping[str, str], typed: Mapping[str, str]) -> str:
    """A refusal in the words that its reader typed."""
    called = {token: name for name, token in names.items()}
    return TOKEN.sub(lambda match: typed.get(match[0], called.get(match[0], "…")), text)


def _checked(text: str) -> str:
    text = text.strip()
    if not text or len(text) > LONGEST_SENTENCE or "\n" in text or TOKEN.search(text):
        zh = f"每句话 1 至 {LONGEST_SENTENCE} 字，不能换行"
        raise Invalid(reason={"zh": zh, "en": f"a sentence has 1 to {LONGEST_SENTENCE} characters on one line"})
    return text


def _open(parts: Parts, script_id: str, user: User, now: datetime) -> _Bench:
    with reading(parts.db) as tx:
        stored = script_of(tx, parts.vault, script_id)
        lead = lead_of(tx, stored.lead)
    if stored.created_by != user.name:
        raise NotAllowed(user=user.name, action={"zh": "修改他人的话术", "en": "change another rep's script"})
    if stored.status not in OPEN:
        raise Conflict(
            reason={"zh": "只有草稿和被驳回的话术可以修改", "en": "only a draft or a rejected script can be changed"}
        )
    if stored.body.stage not in parts.company.phrases.stages:
        raise Conflict(reason={"zh": "话术库里已没有这个阶段", "en": "the phrase book no longer has this stage"})
    given = stored.body.inputs
    if given is not None:
        prepared = prepared_then(parts, stored, given, now)
    else:
        prepared = prepare(parts, lead, stored.body.language, user, now=now)
    with reading(parts.db) as tx:  # what may be said today, not on the day of the draft
        scopes = scopes_on(tx, stored.body.product, now.date())
    prepared = replace(prepared, scopes=scopes)
    return _Bench(stored, prepared, checker_of(parts.company, prepared.brief, scopes))


def _refuse_changed(parts: Parts, bench: _Bench, now: datetime) -> None:
    """A section of today beside sections of another day would be no script of any day."""
    given = bench.stored.body.inputs
    with reading(parts.db) as tx:
        stale = rests_on_change(changed(tx, [bench.stored.id], now.date()).get(bench.stored.id, []))
    if stale or given is None or given.phrases != phrases_digest(parts.company):
        zh = "自撰写以来依据或话术库已变化：请重新撰写整份话术"
        raise Conflict(
            reason={"zh": zh, "en": "facts or phrases have changed since it was written: write the script again"}
        )


def _names(parts: Parts, bench: _Bench, now: datetime) -> dict[str, str]:
    """How the author sees the people of his script → token."""
    texts = [line.text for section in bench.stored.body.sections for line in section.sentences]
    tokens = list(dict.fromkeys(found[0] for text in texts for found in TOKEN.finditer(text)))
    if not tokens:
        return {}
    body = bench.stored.body
    shown = named(parts, bench.prepared.permit, body.customer, body.as_of, body.language, now)(tokens)
    return {name: one for name, one in zip(shown, tokens, strict=True) if shown.count(name) == 1}


def _store(
    parts: Parts,
    bench: _Bench,
    script: Script,
    user: User,
    event: str,
    detail: Mapping[str, ledger.Scalar],
    now: datetime,
) -> str:
    """The new version takes the place of the old one; what the rules say of it is asked anew."""
    stored = bench.stored
    said, scopes = script.sections, bench.prepared.scopes
    script = replace(script, findings=findings_of(parts.company, script.stage, script.language, said, scopes))
    with parts.db.begin() as tx:
        if stored.status == "draft":  # a rejection stays one: its reason is kept, and training learns from it
            move_to(tx, stored.id, "superseded", expected=("draft",), actor=user.name, now=now)
        new = add_script(
            tx,
            parts.vault,
            script,
            lead=stored.lead,
            subject=stored.subject,
            risk=risk_of(script, bench.prepared.brief),
            by=stored.created_by,
            now=now,
            supersedes=stored.id,
        )
        ledger.append(tx, actor=user.name, event=event, subject=new, detail=detail, now=now)
    return new
