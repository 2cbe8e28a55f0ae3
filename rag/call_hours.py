"""Calling hours as data: those that Xinyan ships (packs/call-hours.yaml) and what a company changes in company.yaml."""

from collections.abc import Mapping
from datetime import date, time
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from rag.rule_pack import PACKS, Bilingual, Edge


class Hours(Edge):
    """The hours of one region; `windows` are local times, the second one exclusive."""

    zone: str
    article: str
    law_version: str
    unverified: bool = False  # nobody has looked up the article and the days
    windows: list[tuple[time, time]] = Field(min_length=1)
    weekdays: list[int] = Field(min_length=1)  # 1 = Monday
    holidays: list[str]  # a day, or first/last day
    workdays: list[date]  # days off by the week that are worked all the same
    known_until: date | None = None  # holidays after it are not entered yet; none: there are none to know
    message: Bilingual
    instead: Bilingual

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (OSError, ValueError, KeyError) as wrong:  # ZoneInfoNotFoundError is a KeyError
            raise ValueError(f"unknown time zone '{zone}'") from wrong
        return zone

    @model_validator(mode="after")
    def _spans_are_days(self) -> "Hours":
        if wrong := [day for day in self.weekdays if day not in range(1, 8)]:
            raise ValueError(f"weekdays: {wrong}, use 1 (Monday) to 7")
        if wrong := [str(start) for start, end in self.windows if start >= end]:
            raise ValueError(f"windows: {wrong} ends before it begins")
        for first, last in self.spans():
            if last < first:
                raise ValueError(f"holidays: {first}/{last} ends before it begins")
        return self

    def spans(self) -> list[tuple[date, date]]:
        """First and last day of every holiday; raises ValueError for what is no day."""
        cut = [span.partition("/") for span in self.holidays]
        return [(date.fromisoformat(first), date.fromisoformat(last or first)) for first, _, last in cut]

    def is_holiday(self, day: date) -> bool:
        return any(first <= day <= last for first, last in self.spans())

    def is_working(self, day: date) -> bool:
        """Whether people are at work on that day."""
        return not self.is_holiday(day) and (day in self.workdays or day.isoweekday() in self.weekdays)


class HoursChange(Edge):
    """What a company sets for a region; the rest is as shipped."""

    zone: str | None = None
    article: str | None = None
    law_version: str | None = None
    unverified: bool | None = None
    windows: list[tuple[time, time]] | None = None
    weekdays: list[int] | None = None
    holidays: list[str] | None = None
    workdays: list[date] | None = None
    known_until: date | None = None
    message: Bilingual | None = None
    instead: Bilingual | None = None


class CallHours(Edge):
    """`home` is the region of customers that `customers` (their region in the records → ours) does not name."""

    home: str = "CN"
    customers: dict[str, str] = Field(default_factory=dict)
    regions: dict[str, HoursChange] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _regions_fit(self) -> "CallHours":
        known = calendars(self.regions)
        if unknown := {self.home, *self.customers.values()} - known.keys():
            raise ValueError(f"call_hours: unknown region {sorted(unknown)}, known are {sorted(known)}")
        return self

    def of(self, region: str = "") -> Hours:
        """Those of a customer of this region."""
        return calendars(self.regions)[self.customers.get(region, self.home)]


def calendars(changes: Mapping[str, HoursChange]) -> dict[str, Hours]:
    """Region → its hours, the company's settings over those shipped; raises ValueError with the place."""
    found: dict[str, Hours] = {}
    for region in {**shipped(), **changes}:
        given = changes[region].model_dump(exclude_none=True) if region in changes else {}
        try:
            found[region] = Hours.model_validate({**shipped().get(region, {}), **given})
        except ValidationError as wrong:
            first = wrong.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"call_hours.regions.{region}.{place}: {first['msg']}") from wrong
    return found


@cache
def shipped() -> Mapping[str, dict[str, Any]]:
    """Region → its settings as they stand in the pack."""
    content: Any = yaml.load((PACKS / "call-hours.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return content["regions"]
