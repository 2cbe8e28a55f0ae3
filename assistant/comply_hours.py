"""When a sales call may be made: windows, working days and holidays as data (packs/call-hours.yaml)."""

from datetime import date, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict

from assistant.script import Finding
from governance.errors import Language
from rag.company import Bilingual
from rag.rule_pack import PACKS


class Hours(BaseModel):
    """The hours of one region; `windows` are local times, the second one exclusive."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zone: str
    article: str
    law_version: str
    unverified: bool = False  # nobody has looked the article up
    windows: list[tuple[time, time]]
    weekdays: list[int]
    holidays: list[str]  # a day, or first/last day
    workdays: list[date]  # days off by the week that are worked all the same
    message: Bilingual
    instead: Bilingual

    def is_working(self, day: date) -> bool:
        """Whether people are at work on that day."""
        if any(first <= day.isoformat() <= (last or first) for first, _, last in self._spans()):
            return False
        return day in self.workdays or day.isoweekday() in self.weekdays

    def _spans(self) -> list[tuple[str, str, str]]:
        return [span.partition("/") for span in self.holidays]


@lru_cache(maxsize=1)
def hours() -> dict[str, Hours]:
    """Region → its hours."""
    content: Any = yaml.load((PACKS / "call-hours.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return {region: Hours.model_validate(each) for region, each in content["regions"].items()}


def local(now: datetime, region: str = "CN") -> datetime:
    """An aware time as the clock of the called party shows it."""
    return now.astimezone(ZoneInfo(hours()[region].zone))


def may_call(now_local: datetime, region: str = "CN") -> Finding | None:
    """None when a call may be made at this local time; else why not and when."""
    known = hours()[region]
    at = now_local.time().replace(tzinfo=None)
    if known.is_working(now_local.date()) and any(start <= at < end for start, end in known.windows):
        return None
    return Finding(
        rule="call-hours",
        article=known.article,
        version=known.law_version,
        severity="review",
        message=known.message,
        instead=known.instead,
        quoted=now_local.strftime("%Y-%m-%d %H:%M"),
        section="",
    )


def call_notice(now: datetime, channel: str, language: Language, region: str = "CN") -> str:
    """What to tell the rep before he dials; "" when he may call now or does not call at all."""
    finding = may_call(local(now, region), region) if channel == "phone" else None
    if finding is None:
        return ""
    stop = "。" if language == "zh" else ". "
    law = f"（{finding.article}）" if language == "zh" else f" ({finding.article})"
    said = (
        finding.message.say(language),
        law,
        f": {finding.quoted}",
        stop,
        finding.instead.say(language),
        stop.strip(),
    )
    return "".join(said)[:1].upper() + "".join(said)[1:]
