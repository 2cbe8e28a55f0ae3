"""A lead: which customer a rep is about to contact, at which stage, to offer what."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy import Connection, Row, insert, select

from assistant.tables import leads
from governance import ledger
from governance.accounts import User, require
from governance.errors import Invalid, NotAllowed, NotFound
from governance.vault import Vault, seal
from rag.brief import find_customer
from rag.company import Company
from rag.facts import facts_about


class LeadForm(BaseModel):
    """What a rep enters."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    customer: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    stage: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    product: Annotated[str, StringConstraints(max_length=80)] = ""
    channel: Literal["phone", "visit", "video"] = "phone"
    note: Annotated[str, StringConstraints(max_length=2000)] = ""


@dataclass(frozen=True, slots=True)
class Lead:
    id: str
    customer: str
    stage: str
    product: str  # "" when nothing particular is offered
    channel: str
    created_by: str
    created_at: datetime


def enter_lead(tx: Connection, vault: Vault, company: Company, form: LeadForm, user: User, now: datetime) -> Lead:
    """Check the form against what is known and store it; raises NotFound, Invalid or NotAllowed."""
    require(user, "rep", "enter a lead")
    customer = find_customer(tx, form.customer)
    if form.stage not in company.phrases.stages:
        raise Invalid(reason={"zh": f"未知的销售阶段“{form.stage}”", "en": f"unknown stage '{form.stage}'"})
    product = form.product.removeprefix("product:")
    if product and not facts_about(tx, f"product:{product}", as_of=None):
        raise NotFound(kind={"zh": "产品", "en": "product"}, name=form.product)
    lead = Lead("l_" + uuid4().hex[:16], customer.id, form.stage, product, form.channel, user.name, now)
    tx.execute(
        insert(leads).values(
            id=lead.id,
            customer=lead.customer,
            stage=lead.stage,
            product=lead.product,
            channel=lead.channel,
            note=seal(vault, form.note),
            created_by=user.name,
            created_at=now,
        )
    )
    ledger.append(
        tx, actor=user.name, event="lead.entered", subject=lead.id, detail={"customer": lead.customer}, now=now
    )
    return lead


def lead_of(tx: Connection, lead_id: str) -> Lead:
    """The lead; raises NotFound."""
    row = tx.execute(select(leads).where(leads.c.id == lead_id)).one_or_none()
    if row is None:
        raise NotFound(kind={"zh": "线索", "en": "lead"}, name=lead_id)
    return _lead(row)


def own_lead(tx: Connection, lead_id: str, user: User) -> Lead:
    """The lead, if `user` entered it; raises NotFound or NotAllowed."""
    lead = lead_of(tx, lead_id)
    if lead.created_by != user.name:
        raise NotAllowed(user=user.name, action={"zh": "打开他人的线索", "en": "open another rep's lead"})
    return lead


def leads_of(tx: Connection, user: User) -> list[Lead]:
    """What `user` entered, newest first."""
    rows = tx.execute(select(leads).where(leads.c.created_by == user.name).order_by(leads.c.created_at.desc()))
    return [_lead(row) for row in rows]


def _lead(row: Row[tuple[object, ...]]) -> Lead:
    return Lead(row.id, row.customer, row.stage, row.product, row.channel, row.created_by, row.created_at)
