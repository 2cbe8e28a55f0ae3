"""A script while it is being written, as its author may see it: the plan's own wording first, then what replaced it."""

from dataclasses import dataclass
from datetime import datetime

from assistant.parts import Parts
from assistant.pipeline import Arrived
from assistant.script import Origin, ScriptSection
from assistant.view import named
from governance.vault import TOKEN


@dataclass(frozen=True, slots=True)
class ArrivingSection:
    """`done`: as it will be stored; else the plan's own wording, which the model may still replace."""

    title: str
    lines: tuple[tuple[str, Origin], ...]
    done: bool


class Arrivals:
    """Names are read once, for the first picture; every later one reuses them."""

    def __init__(self, parts: Parts, now: datetime) -> None:
        self._parts, self._now, self._names = parts, now, dict[str, str]()

    def view(self, arrived: Arrived) -> tuple[ArrivingSection, ...]:
        """The sections as they stand."""
        self._read(arrived)
        return tuple(self._section(each, done=each.id in arrived.done) for each in arrived.sections)

    def _section(self, section: ScriptSection, *, done: bool) -> ArrivingSection:
        lines: tuple[tuple[str, Origin], ...] = tuple(
            (self._named(line.text), line.origin) for line in section.sentences
        )
        return ArrivingSection(section.title, lines, done)

    def _named(self, text: str) -> str:
        return TOKEN.sub(lambda found: self._names.get(found[0], "…"), text)

    def _read(self, arrived: Arrived) -> None:
        texts = [line.text for section in arrived.sections for line in section.sentences]
        tokens = list(dict.fromkeys(found[0] for text in texts for found in TOKEN.finditer(text)))
        if not set(tokens) - self._names.keys():
            return
        known = arrived.prepared
        customer, day, language = known.lead.customer, known.brief.as_of, known.brief.language
        show = named(self._parts, known.permit, customer, day, language, self._now)
        self._names |= dict(zip(tokens, show(tokens), strict=True))
