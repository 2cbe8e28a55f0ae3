"""A relation that an extractor of llama-index found → a proposal about entities that are known."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from governance.errors import Invalid
from governance.tables import people
from governance.vault import TOKEN
from rag.dates import parse_date
from rag.entity_names import named
from rag.merged import merged_into
from rag.proposals import Proposal, make_proposal
from rag.relations import RELATIONS
from rag.tables import facts, sources

KINDS: Mapping[str, tuple[str, str]] = {  # what each edge joins
    "part_of": ("customer", "customer"),
    "purchases_through": ("customer", "group"),
    "works_at": ("person", "customer"),
    "holds_title": ("person", "customer"),
    "bought": ("customer", "product"),
    "ticket": ("customer", "product"),
    "price": ("product", "customer"),
    "contacted": ("customer", "person"),
}
SOURCE, OWN = "triplet_source_id", ("value", "valid_from", "valid_to", "source", "triplet_source_id", "fact")
_PERSON = re.compile(r"p_[0-9a-f]{16}")


def entity_called(tx: Connection, text: str) -> list[str]:
    """The ids of whom a model may mean: by id, name, alias or former name; people by id or token only."""
    if found := _PERSON.fullmatch(text) or TOKEN.fullmatch(text):
        person = found[1] if found.re is TOKEN else text
        known = select(people.c.person).where(people.c.person == person, people.c.forgotten_at.is_(None))
        return list(tx.scalars(known))
    if text.startswith("group:"):
        return list(tx.scalars(select(facts.c.object).where(facts.c.object == text).limit(1)))
    prefixes = [prefix for prefix in ("customer:", "product:") if text.startswith(prefix)] or ["customer:", "product:"]
    into = merged_into(tx)
    found_ids = {into.get(each.entity, each.entity) for prefix in prefixes for each in named(tx, text, prefix)}
    return sorted(found_ids)


def proposal_of(
    tx: Connection,
    label: str,
    source_id: str,
    target_id: str,
    properties: Mapping[str, Any],
    extractor: str,
    now: datetime,
) -> Proposal:
    """Raises Invalid: not a relation of the graph, an entity of another kind, no passage, no value."""
    relation = label.strip().casefold()
    if relation not in KINDS:
        known = "、".join(KINDS)
        raise Invalid(
            reason={"zh": f"未知的关系“{label[:40]}”，可用：{known}", "en": f"'{label[:40]}' is none of {known}"}
        )
    subject, pointed = (
        _only(tx, text, kind) for text, kind in zip((source_id, target_id), KINDS[relation], strict=True)
    )
    rule = RELATIONS[relation]
    attributes = {name: str(text) for name, text in properties.items() if name not in OWN and text is not None}
    value = str(properties.get("value") or "").strip()
    if rule.object == "value":
        value = pointed
    else:
        attributes[rule.object] = pointed.removeprefix(rule.prefix)
    if not value:
        raise Invalid(
            reason={
                "zh": f"“{relation}”还需要 value（订单号、职务、金额等）",
                "en": f"'{relation}' also needs a value: an order's number, a title, an amount",
            }
        )
    place = str(properties.get(SOURCE) or properties.get("source") or "")
    if tx.scalar(select(sources.c.id).where(sources.c.id == place, sources.c.hostile.is_(False))) is None:
        raise Invalid(reason={"zh": "没有可用的出处段落", "en": "there is no passage that it may cite"})
    since, until = (_day(properties, name) for name in ("valid_from", "valid_to"))
    if since is not None and since > now.date() and relation != "price":
        raise Invalid(reason={"zh": "起始日期在未来", "en": "it would begin in the future"})
    return make_proposal(
        subject,
        relation,
        value,
        attributes,
        source=place,
        extractor=extractor,
        valid_from=since,
        valid_to=until,
    )


def _only(tx: Connection, text: str, kind: str) -> str:
    found = [id_ for id_ in entity_called(tx, text) if _kind(id_) == kind]
    if len(found) != 1:
        raise Invalid(
            reason={
                "zh": f"“{text[:60]}”不是（或不止一个）已知的 {kind}",
                "en": f"'{text[:60]}' is not exactly one known {kind}",
            }
        )
    return found[0]


def _kind(entity: str) -> str:
    return "person" if entity.startswith("p_") else entity.partition(":")[0]


def _day(properties: Mapping[str, Any], name: str) -> date | None:
    text = str(properties.get(name) or "")
    try:
        return parse_date(text) if text else None
    except (ValueError, OverflowError) as wrong:
        raise Invalid(reason={"zh": f"“{text[:40]}”不是日期", "en": f"'{text[:40]}' is not a date"}) from wrong
