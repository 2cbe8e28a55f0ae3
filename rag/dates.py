"""Dates, months, durations and numbers as exports and documents write them."""

import re
from datetime import date, datetime, timedelta

_EXCEL_EPOCH = date(1899, 12, 30)
_NUMERIC = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})(?:\s*[-/.月]\s*(\d{1,2})\s*日?|\s*月?)(?:[T\s]+\d{1,2}:\d{2}.*)?$"
)
_COMPACT = re.compile(r"(20\d{2}|19\d{2})(\d{2})(\d{2})$")
_MONTH_NAMES = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MONTHS = {name[:3].lower(): number for number, name in enumerate(_MONTH_NAMES, start=1)}
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\s+([A-Za-z]{3,9})\.?,?\s+(\d{4})$")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.?\s+(?:(\d{1,2})(?:st|nd|rd|th)?,?\s+)?(\d{4})$")
_CHINESE_DIGITS = {**{digit: number for number, digit in enumerate("零一二三四五六七八九")}, "〇": 0, "两": 2}
_DURATION = re.compile(r"(\d+(?:\.\d+)?|[一二两三四五六七八九十]+)\s*(个月|月|年|months?|years?|yrs?)", re.IGNORECASE)


def parse_date(text: str) -> date:
    """2024-03-12, 2024/3/12, 2024年3月12日, 2024年3月 (its first day), English, Excel serials; else ValueError."""
    cleaned = text.strip()
    if match := _NUMERIC.match(cleaned):
        year, month, day = match.groups()
        return date(int(year), int(month), int(day or 1))
    if match := _COMPACT.match(cleaned):
        year, month, day = match.groups()
        return date(int(year), int(month), int(day))
    if match := _DAY_FIRST.match(cleaned):
        return date(int(match[3]), _month_named(match[2]), int(match[1]))
    if match := _MONTH_FIRST.match(cleaned):
        return date(int(match[3]), _month_named(match[1]), int(match[2] or 1))
    if re.fullmatch(r"[2-6]\d{4}(?:\.0+)?", cleaned):
        return _EXCEL_EPOCH + timedelta(days=int(float(cleaned)))
    raise ValueError(text)


def _month_named(name: str) -> int:
    number = _MONTHS.get(name[:3].lower())
    if number is None:
        raise ValueError(name)
    return number


def cell_text(value: object) -> str:
    """A table cell as text: dates in ISO, whole floats without .0."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def parse_month(text: str) -> int:
    """The month of "10", "10月", "2025-10", "October"; else ValueError."""
    cleaned = text.strip()
    if match := re.fullmatch(r"(\d{1,2})\s*月?(?:份|初|底|中旬|上旬|下旬)?", cleaned):
        number = int(match[1])
    elif re.fullmatch(r"[A-Za-z]{3,9}", cleaned):
        number = _month_named(cleaned)
    else:
        number = parse_date(cleaned).month
    if not 1 <= number <= 12:
        raise ValueError(text)
    return number


def parse_months(text: str) -> int:
    """The length of a warranty in months: "36个月", "3年", "三年", "2 years"; else ValueError."""
    match = _DURATION.search(text)
    if match is None:
        raise ValueError(text)
    count = float(match[1]) if match[1][0].isdigit() else float(_chinese_number(match[1]))
    months = count * (12 if match[2].lower().startswith(("年", "y")) else 1)
    if months != int(months) or not 0 < months <= 600:
        raise ValueError(text)
    return int(months)


def _chinese_number(text: str) -> int:
    tens, ten, units = text.partition("十")
    if not ten:
        return _CHINESE_DIGITS[text]
    return (_CHINESE_DIGITS[tens] if tens else 1) * 10 + (_CHINESE_DIGITS[units] if units else 0)


def parse_number(text: str) -> str:
    """A quantity or amount in plain digits: "1,200.00" → "1200"; else ValueError."""
    cleaned = re.sub(r"[,，\s¥￥元]", "", text)
    if not re.fullmatch(r"-?\d+(\.\d+)?", cleaned):
        raise ValueError(text)
    return cleaned.rstrip("0").rstrip(".") if "." in cleaned else cleaned


def say_date(day: date, language: str) -> str:
    """2025年3月12日 / 12 March 2025."""
    return (
        f"{day.year}年{day.month}月{day.day}日"
        if language == "zh"
        else f"{day.day} {say_month_name(day.month)} {day.year}"
    )


def say_month(day: date, language: str) -> str:
    """2025年3月 / March 2025."""
    return f"{day.year}年{day.month}月" if language == "zh" else f"{say_month_name(day.month)} {day.year}"


def say_month_name(month: int) -> str:
    """The month in English, whatever the locale."""
    return _MONTH_NAMES[month - 1]


_INSIDE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d{2}\s*年\s*\d{1,2}\s*月(?:\s*\d{1,2}\s*日)?|(?:19|20)\d{2}([-/.])\d{1,2}\1\d{1,2}(?!\d)"
    r"|(?:19|20)\d{2}[01]\d[0-3]\d(?!\d)|\d{1,2}\s+[A-Z][a-z]{2,8}\s+(?:19|20)\d{2}|[A-Z][a-z]{2,8}\s+\d{1,2},\s+(?:19|20)\d{2})"
)


def find_date(text: str) -> date | None:
    """The first date inside a text, None when there is none."""
    for match in _INSIDE.finditer(text):
        try:
            return parse_date(match.group())
        except ValueError:
            continue
    return None
