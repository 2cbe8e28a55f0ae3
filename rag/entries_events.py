"""Rows about what happened at a customer or is planned there: purchases, budgets, tenders, tickets, talks → facts."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from governance.consent import Consent
from rag.entries_desk import (
    Desk,
    Stated,
    Wrong,
    contact_of,
    customer_of,
    day_in,
    month_in,
    number_in,
    optional_day_in,
    past_day_in,
    wrong_cell,
)
from rag.facts import make_fact
from rag.records import Row

# what CRM exports call the ways to talk to someone; another word is kept as it is
CHANNELS: Mapping[str, tuple[str, ...]] = {
    "phone": ("电话", "电话沟通", "通话", "来电", "去电", "phone", "call", "telephone"),
    "visit": ("拜访", "上门", "上门拜访", "现场", "现场拜访", "走访", "visit", "on site", "on-site"),
    "mail": ("邮件", "电子邮件", "邮箱", "mail", "email", "e-mail"),
    "meeting": ("会议", "开会", "线上会议", "视频会议", "meeting", "video meeting"),
    "chat": ("微信", "企业微信", "聊天", "即时消息", "短信", "chat", "wechat", "message", "sms"),
}
_CHANNEL_OF = {word: channel for channel, words in CHANNELS.items() for word in words}


def purchases(desk: Desk, row: Row, source: str) -> Stated:
    """An order."""
    attributes = {field: row.get(field) for field in ("category", "product", "unit", "contract")}
    attributes |= {field: number_in(row, field) for field in ("quantity", "amount")}
    return _event(desk, row, source, "bought", past_day_in(desk, row, "date"), attributes)


def budgets(desk: Desk, row: Row, source: str) -> Stated:
    """The budget of a year, with the months in which it is applied for."""
    try:
        year = int(float(row.get("year").removesuffix("年度").removesuffix("年")))
        start, end = date(year, 1, 1), date(year + 1, 1, 1)
    except (ValueError, OverflowError) as wrong:
        raise wrong_cell(row, "year", "年份", "a year") from wrong
    months = {field: month_in(row, field) for field in ("window_from", "window_to")}
    fact = make_fact(
        customer_of(desk, row),
        "budget",
        str(year),
        months | {"amount": number_in(row, "amount")},
        source=source,
        known_from=desk.now,
        valid_from=start,
        valid_to=end,
    )
    return (fact,), start


def tenders(desk: Desk, row: Row, source: str) -> Stated:
    """From its publication to the day on which it closes, which may lie ahead."""
    closes = optional_day_in(row, "closes")
    attributes = {field: row.get(field) for field in ("title", "category", "result", "winner")}
    attributes |= {"closes": closes.isoformat() if closes else "", "amount": number_in(row, "amount")}
    return _event(desk, row, source, "tender", day_in(row, "published"), attributes, closes)


def tickets(desk: Desk, row: Row, source: str) -> Stated:
    """From the report to the day on which it is closed."""
    attributes = {field: row.get(field) for field in ("subject", "product", "status")}
    opened, closed = past_day_in(desk, row, "opened"), optional_day_in(row, "closed")
    return _event(desk, row, source, "ticket", opened, attributes, closed)


def communications(desk: Desk, row: Row, source: str) -> Stated:
    """That somebody, perhaps a known contact, was talked to; of whom it is, his own customer decides nothing."""
    channel = row.get("channel").casefold()
    person = contact_of(desk, row).person if row.get("contact") else ""
    attributes = {
        "channel": _CHANNEL_OF.get(channel, row.get("channel")),
        "contact": row.get("contact"),
        "person": person,
        "subject": row.get("subject"),
    }
    return _event(desk, row, source, "contacted", past_day_in(desk, row, "date"), attributes)


def promises(desk: Desk, row: Row, source: str) -> Stated:
    """From the day on which it was made to the day on which it was kept."""
    made, due, kept = past_day_in(desk, row, "made"), optional_day_in(row, "due"), optional_day_in(row, "kept")
    if kept is not None and kept < made:
        raise Wrong("兑现日期早于承诺日期", "it was kept before it was made")
    days = {"due": due.isoformat() if due else "", "kept": kept.isoformat() if kept else ""}
    attributes = {"text": row.get("text"), "owner": row.get("owner"), **days}
    return _event(desk, row, source, "promise", made, attributes, kept)


def consent_facts(desk: Desk, row: Row, source: str) -> Stated:
    """A consent is no fact; it is kept with the person."""
    contact_of(desk, row)
    return (), day_in(row, "given")


def consents(desk: Desk, row: Row, digest: str) -> tuple[Consent, ...]:
    """The last day still counts, so the consent expires with the day after. Its passport is issued later."""
    last, withdrawn = optional_day_in(row, "expires"), optional_day_in(row, "withdrawn")
    consent = Consent(
        subject=contact_of(desk, row).person,
        purpose=row.get("purpose"),
        given_at=_midnight(day_in(row, "given")),
        expires_at=_midnight(last + timedelta(days=1)) if last and last < date.max else None,
        withdrawn_at=_midnight(withdrawn) if withdrawn else None,
        channel=row.get("channel"),
        text_hash=hashlib.sha256(row.get("text").encode()).hexdigest() if row.get("text") else None,
        passport=digest,
    )
    return (consent,)


def _event(
    desk: Desk,
    row: Row,
    source: str,
    relation: str,
    day: date,
    attributes: Mapping[str, str],
    until: date | None = None,
) -> Stated:
    """A fact of a customer whose value is the record's id and that begins on `day`."""
    fact = make_fact(
        customer_of(desk, row),
        relation,
        row.get("id"),
        attributes,
        source=source,
        known_from=desk.now,
        valid_from=day,
        valid_to=until,
    )
    return (fact,), day


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
