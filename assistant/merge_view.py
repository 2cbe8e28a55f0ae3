"""Suggested merges as a person judges them: both sides beside each other, what differs marked, why it is suggested."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, func, select

from assistant.fact_words import Speaker
from assistant.i18n import tr
from assistant.knowledge_view import MOST_DECIDED, Queue, Room, names_of, on_page, own_facts
from governance.vault import forgotten
from rag.entity_names import plain
from rag.facts import Fact, in_parts
from rag.identity import Merge, merges_in
from rag.sources import sources
from rag.tables import facts, retirements

TOLD = ("name_en", "registration", "campus", "aliases", "former_names", "region", "level")
RELATIONS = ("name", "works_at", "holds_title")
COUNTED = {"bought": "side_orders", "tender": "side_tenders", "contacted": "side_talks"}
Counts = Mapping[tuple[str, str], int]  # entity, label → how many


@dataclass(frozen=True, slots=True)
class SideLine:
    """What is known of both under one label; `differs`: both are told, and not the same."""

    label: str
    kept: str
    merged: str
    differs: bool


@dataclass(frozen=True, slots=True)
class MergeView:
    """`kept` and `merged` are what the two are called; a person is a token."""

    id: str
    kind: str
    kept: str
    merged: str
    why: str
    suggested_at: datetime
    lines: tuple[SideLine, ...]


@dataclass(frozen=True, slots=True)
class MergeDecided:
    id: str
    kept: str
    merged: str
    state: str
    reason: str
    by: str
    at: datetime | None


def waiting_merges(tx: Connection) -> list[Merge]:
    """Without those of people who withdrew since."""
    gone = forgotten(tx)
    return [each for each in merges_in(tx, "waiting") if not {each.kept, each.merged} & gone]


def merge_queue(room: Room, page: int) -> Queue[MergeView, MergeDecided]:
    """What a person should look at, and what was decided lately."""
    waiting, gone = waiting_merges(room.tx), forgotten(room.tx)
    shown, page, pages = on_page(waiting, page)
    done = [each for each in merges_in(room.tx, "merged", "refused") if not {each.kept, each.merged} & gone]
    done = sorted(done, key=lambda each: (each.decided_at or each.suggested_at, each.id), reverse=True)[:MOST_DECIDED]
    ids = {side for each in shown for side in (each.kept, each.merged)}
    stated = own_facts(room.tx, ids, RELATIONS)
    named = {*ids, *(side for each in done for side in (each.kept, each.merged))}
    named |= {fact.value for fact in stated if fact.relation == "works_at"}
    speaker = Speaker(room.company, room.lang, names_of(room, named))
    titles = {key: each.title for key, each in sources(room.tx, room.vault, [fact.source for fact in stated]).items()}
    counts = _counts(room.tx, ids)
    told = {id_: _told(speaker, [fact for fact in stated if fact.subject == id_], counts, titles, id_) for id_ in ids}
    rows = tuple(_merge(room, speaker, each, told) for each in shown)
    return Queue(rows, len(waiting), page, pages, tuple(_decided(speaker, each) for each in done))


def _counts(tx: Connection, ids: Collection[str]) -> Counts:
    """How much hangs on each of them."""
    live = ~exists().where(retirements.c.fact == facts.c.id)
    found: dict[tuple[str, str], int] = {}
    for part in in_parts(sorted(ids)):
        said = select(facts.c.subject, facts.c.relation, func.count()).where(facts.c.subject.in_(part), live)
        said = said.where(facts.c.relation.in_(COUNTED)).group_by(facts.c.subject, facts.c.relation)
        for subject, relation, count in tx.execute(said):
            found[subject, COUNTED[relation]] = count
        heard = select(facts.c.object, facts.c.relation, func.count(facts.c.subject.distinct())).where(
            facts.c.object.in_(part), facts.c.relation.in_(("works_at", "contacted")), live
        )
        for entity, relation, count in tx.execute(heard.group_by(facts.c.object, facts.c.relation)):
            found[entity, "side_contacts" if relation == "works_at" else "side_talks"] = count
    return found


def _told(
    speaker: Speaker, stated: Sequence[Fact], counts: Counts, titles: Mapping[str, str], id_: str
) -> dict[str, str]:
    """Label → what is known of one side."""
    comma = tr(speaker.lang, "semicolon")
    lines: dict[str, str] = {}
    if id_.startswith("p_"):
        places = [fact for fact in stated if fact.relation == "works_at"]
        lines["attr_contact"] = comma.join(sorted({fact.attributes.get("contact", "") for fact in places} - {""}))
        lines["side_customer"] = comma.join(dict.fromkeys(speaker.name(fact.value) for fact in places))
        departments = (speaker.text(fact.attributes.get("department", "")) for fact in stated)
        lines["attr_department"] = comma.join(dict.fromkeys(filter(None, departments)))
        posts = [fact for fact in stated if fact.relation == "holds_title"]
        lines["side_posts"] = comma.join(f"{speaker.text(fact.value)} ({speaker.period(fact)})" for fact in posts)
    else:
        lines["side_number"] = id_.partition(":")[2]
        names = [fact for fact in stated if fact.relation == "name"]
        lines["side_name"] = comma.join(dict.fromkeys(fact.value for fact in names))
        for name in TOLD:
            texts = (speaker.attribute(name, fact.attributes.get(name, "")) for fact in names)
            lines[f"attr_{name}"] = comma.join(dict.fromkeys(filter(None, texts)))
    labels = ("side_talks",) if id_.startswith("p_") else ("side_orders", "side_contacts", "side_tenders", "side_talks")
    lines |= {label: str(counts.get((id_, label), 0)) for label in labels}
    lines["side_source"] = comma.join(sorted({titles[fact.source] for fact in stated if fact.source in titles}))
    return lines


def _merge(room: Room, speaker: Speaker, asked: Merge, told: Mapping[str, Mapping[str, str]]) -> MergeView:
    kept, merged = told[asked.kept], told[asked.merged]
    lines = [
        SideLine(tr(room.lang, label), text, merged.get(label, ""), _differ(label, text, merged.get(label, "")))
        for label, text in kept.items()
        if {text, merged.get(label, "")} - {"", "0"}
    ]
    kind = "kind_of_person" if asked.kept.startswith("p_") else "kind_of_customer"
    return MergeView(
        asked.id,
        tr(room.lang, kind),
        _with_number(speaker, asked.kept),
        _with_number(speaker, asked.merged),
        asked.zh if room.lang == "zh-CN" else asked.en,
        asked.suggested_at,
        tuple(lines),
    )


def _differ(label: str, one: str, other: str) -> bool:
    compared = label.startswith("attr_") or label in ("side_name", "side_customer")
    return compared and label != "attr_contact" and bool(one and other) and plain(one) != plain(other)


def _decided(speaker: Speaker, done: Merge) -> MergeDecided:
    return MergeDecided(
        done.id,
        _with_number(speaker, done.kept),
        _with_number(speaker, done.merged),
        done.state,
        done.reason or "",
        done.by or "",
        done.decided_at,
    )


def _with_number(speaker: Speaker, entity: str) -> str:
    name = speaker.name(entity)
    return name if entity.startswith("p_") else f"{name} ({entity.partition(':')[2]})"
