"""The golden customer-360 answers, worked out from the raw exports alone: another implementation than the product's."""

import argparse
import json
import sys
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from eval.golden_exports import Exports, Row, read_exports

SAMPLES = Path(__file__).resolve().parent.parent / "data_samples"
GOLDEN = Path("golden") / "briefs_360.jsonl"
DAYS = (date(2024, 6, 30), date(2025, 12, 15), date(2026, 11, 21))
YES = frozenset({"是", "Y"})
UNDATED_DAYS = 60
NEWEST = 3

# What the specification leaves open is decided here:
# - A year earlier is the same day of that year; 29 February becomes the 28th.
# - A row that was exported twice counts once; a row whose date is no date counts never.
# - purchases: by category, then unit. Nothing in the last two years, but before: "flat".
# - budget: a window whose first month is after its last one ends in year Y.
# - changes: the last communication is one before D, not on D; without any the window is (D - 1 year, D]. Any title
#   counts, also one that decides nothing. By date, contact, "began" before "ended", title.
# - promises by id; without a due day never overdue. tenders by id. open_tickets by opening day, then id, newest first.
# - certificates and expired are of all products (none is asked for), by product; disputed: product and relation.
# - consent: a withdrawal ends what was given until that day, on that day; the day of expiry still counts.
# - unknown: in the order of PARTS. A deciding post that begins after D is not known on D; budget rows are, always;
#   certificates: of no product was any ever valid up to D.
PARTS = (
    "purchases",
    "budget",
    "decision_makers",
    "tickets",
    "promises",
    "communications",
    "tenders",
    "certificates",
)


def fields_of(exports: Exports, customer: str, day: date) -> dict[str, Any]:
    """Everything known about one customer on one day, no product asked for."""
    deciding = _decision_makers(exports, customer, day)
    answer = {
        "purchases": _purchases(exports.purchases[customer], day),
        "budget": _budget(exports.budgets[customer], day),
        "decision_makers": deciding,
        "changes": _changes(exports, customer, day),
        "open_tickets": _open_tickets(exports.tickets[customer], day),
        "promises": _promises(exports.promises[customer], day),
        "communications": [row["编号"] for row in _communications(exports, customer, day)[:NEWEST]],
        "tenders": _tenders(exports.tenders[customer], day),
        "certificates": _certificates(exports.facts, day),
        "expired": _expired(exports.facts, day),
        "disputed": _disputed(exports.facts),
        "consent": {post["contact"]: consent_state(exports.consents[post["contact"]], day) for post in deciding},
    }
    return {**answer, "unknown": _unknown(exports, customer, day)}


def _purchases(rows: Iterable[Row], day: date) -> list[dict[str, Any]]:
    first, second, third = (_years_before(day, years) for years in (1, 2, 3))
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in {row["订单号"]: row for row in rows if (then := _day(row["订单日期"])) and third < then <= day}.values():
        found[row["品类"], row["单位"]].append(row)
    listed: list[dict[str, Any]] = []
    for (category, unit), own in sorted(found.items()):
        last12 = sum(int(row["数量"]) for row in own if first < _known_day(row["订单日期"]))
        previous12 = sum(int(row["数量"]) for row in own if second < _known_day(row["订单日期"]) <= first)
        older12 = sum(int(row["数量"]) for row in own if _known_day(row["订单日期"]) <= second)
        listed.append(
            {
                "category": category,
                "unit": unit,
                "last12": last12,
                "previous12": previous12,
                "older12": older12,
                "trend": _trend(last12, previous12, older12),
                "last": max(row["订单日期"] for row in own),
                "orders": sorted(row["订单号"] for row in own),
            }
        )
    return listed


def _trend(last12: int, previous12: int, older12: int) -> str:
    if last12 and not previous12 and not older12:
        return "new"
    return "up" if last12 > previous12 else "down" if last12 < previous12 else "flat"


def _budget(rows: Iterable[Row], day: date) -> dict[str, Any] | None:
    months = {int(row["预算年度"]): (int(row["申报起始月"]), int(row["申报截止月"])) for row in rows}
    if not months:
        return None
    windows = [_window(year, *months[year]) for year in sorted(months)]
    if coming := [window for window in windows if window["to"] >= day.isoformat()]:
        return {**min(coming, key=lambda window: window["to"]), "projected": False}
    newest = max(months)
    year = newest + 1
    while _window(year, *months[newest])["to"] < day.isoformat():
        year += 1
    return {**_window(year, *months[newest]), "projected": True}


def _window(year: int, first: int, last: int) -> dict[str, Any]:
    ends = year - 1 if first <= last else year
    start, end = date(year - 1, first, 1), date(ends, last, monthrange(ends, last)[1])
    return {"year": year, "from": start.isoformat(), "to": end.isoformat()}


def _decision_makers(exports: Exports, customer: str, day: date) -> list[dict[str, str]]:
    posts = [row for row in _posts(exports, customer) if row["是否决策人"] in YES and _held(row, day)]
    posts.sort(key=lambda row: row["联系人编号"])
    posts.sort(key=lambda row: row["任职日期"], reverse=True)
    return [
        {"contact": row["联系人编号"], "title": row["职务"], "department": row["科室"], "since": row["任职日期"]}
        for row in posts
    ]


def _posts(exports: Exports, customer: str) -> list[Row]:
    return [row for row in exports.titles if exports.workplaces[row["联系人编号"]] == customer]


def _held(row: Row, day: date) -> bool:
    """The day on which a post ends is the first one without it."""
    return row["任职日期"] <= day.isoformat() and (not row["离任日期"] or day.isoformat() < row["离任日期"])


def _changes(exports: Exports, customer: str, day: date) -> list[dict[str, str]]:
    talked = [row["日期"] for row in exports.communications[customer] if row["日期"] < day.isoformat()]
    since = max(talked, default=_years_before(day, 1).isoformat())
    found = [
        {"contact": row["联系人编号"], "title": row["职务"], "event": event, "date": row[column]}
        for row in _posts(exports, customer)
        for event, column in (("began", "任职日期"), ("ended", "离任日期"))
        if since < row[column] <= day.isoformat()
    ]
    return sorted(found, key=lambda change: (change["date"], change["contact"], change["event"], change["title"]))


def _open_tickets(rows: Iterable[Row], day: date) -> list[str]:
    known = [row for row in rows if row["报修日期"] <= day.isoformat()]
    still = [row for row in known if not row["关闭日期"] or day.isoformat() < row["关闭日期"]]
    return [row["工单号"] for row in sorted(still, key=lambda row: (row["报修日期"], row["工单号"]), reverse=True)]


def _promises(rows: Iterable[Row], day: date) -> list[dict[str, Any]]:
    made = [row for row in rows if row["承诺日期"] <= day.isoformat()]
    kept_later = [row for row in made if not row["兑现日期"] or day.isoformat() < row["兑现日期"]]
    return [
        {"id": row["编号"], "due": row["期限"] or None, "overdue": bool(row["期限"]) and row["期限"] < day.isoformat()}
        for row in sorted(kept_later, key=lambda row: row["编号"])
    ]


def _communications(exports: Exports, customer: str, day: date) -> list[Row]:
    known = [row for row in exports.communications[customer] if row["日期"] <= day.isoformat()]
    return sorted(known, key=lambda row: (row["日期"], row["编号"]), reverse=True)


def _tenders(rows: Iterable[Row], day: date) -> list[dict[str, Any]]:
    found = [row for row in rows if row["公告日期"] <= day.isoformat() and _not_closed(row, day)]
    return [
        {"id": row["招标编号"], "blackout_from": row["公告日期"], "blackout_to": row["截止日期"] or None}
        for row in sorted(found, key=lambda row: row["招标编号"])
    ]


def _not_closed(row: Row, day: date) -> bool:
    if row["截止日期"]:
        return day.isoformat() <= row["截止日期"]
    return not row["结果"] and day - _known_day(row["公告日期"]) <= timedelta(days=UNDATED_DAYS)


def _certificates(facts: dict[str, Any], day: date) -> list[dict[str, str]]:
    return [
        {"product": key, "number": product["certificate"], "until": product["valid_until"]}
        for key, product in sorted(facts["products"].items())
        if product["valid_from"] <= day.isoformat() <= product["valid_until"]
    ]


def _expired(facts: dict[str, Any], day: date) -> list[str]:
    return [key for key, product in sorted(facts["products"].items()) if product["valid_until"] < day.isoformat()]


def _disputed(facts: dict[str, Any]) -> list[dict[str, str]]:
    found = [{"product": each["product"], "relation": each["relation"]} for each in facts["disputed"]]
    return sorted(found, key=lambda each: (each["product"], each["relation"]))


def consent_state(rows: Iterable[Row], day: date) -> str:
    """For contact: live, expired, withdrawn or absent on that day."""
    today = day.isoformat()
    given = [row for row in rows if row["用途"] == "contact" and row["同意日期"] <= today]
    withdrawn = max((row["撤回日期"] for row in given if row["撤回日期"] and row["撤回日期"] <= today), default="")
    kept = [row for row in given if row["同意日期"] > withdrawn]
    if any(not row["有效期至"] or today <= row["有效期至"] for row in kept):
        return "live"
    return "expired" if kept else "withdrawn" if withdrawn else "absent"


def _unknown(exports: Exports, customer: str, day: date) -> list[str]:
    today = day.isoformat()
    posts = [row for row in _posts(exports, customer) if row["是否决策人"] in YES]
    known = {
        "purchases": any((then := _day(row["订单日期"])) and then <= day for row in exports.purchases[customer]),
        "budget": bool(exports.budgets[customer]),
        "decision_makers": any(row["任职日期"] <= today for row in posts),
        "tickets": any(row["报修日期"] <= today for row in exports.tickets[customer]),
        "promises": any(row["承诺日期"] <= today for row in exports.promises[customer]),
        "communications": any(row["日期"] <= today for row in exports.communications[customer]),
        "tenders": any(row["公告日期"] <= today for row in exports.tenders[customer]),
        "certificates": any(product["valid_from"] <= today for product in exports.facts["products"].values()),
    }
    return [part for part in PARTS if not known[part]]


def _years_before(day: date, years: int) -> date:
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - years, day=28 if leap_day else day.day)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _known_day(text: str) -> date:
    return date.fromisoformat(text)


def lines(company: Path) -> str:
    """The golden file: a line per customer and day, in the order of the export."""
    exports = read_exports(company)
    answers = (
        {"customer": customer, "as_of": day.isoformat(), "product": None, "fields": fields_of(exports, customer, day)}
        for customer in exports.customers
        for day in DAYS
    )
    return "".join(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the golden file, or say with --check whether it is what the exports give."""
    parser = argparse.ArgumentParser(prog="python -m eval.golden_briefs", description=__doc__)
    parser.add_argument("--data", type=Path, default=SAMPLES, help="the folder of the company")
    parser.add_argument("--check", action="store_true", help="write nothing, say whether the file is up to date")
    given = parser.parse_args(arguments)
    path, wanted = given.data / GOLDEN, lines(given.data)
    if not given.check:
        path.write_text(wanted, encoding="utf-8")
        return 0
    current = path.is_file() and path.read_text(encoding="utf-8") == wanted
    sys.stderr.write("与导出文件一致 / up to date\n" if current else "与导出文件不一致 / not what the exports give\n")
    return 0 if current else 1


if __name__ == "__main__":
    raise SystemExit(main())
