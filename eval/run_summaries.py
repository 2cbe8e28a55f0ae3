"""Suite `summaries`: conversations summarised as the product does it, against golden commitments and days."""

import sys
from pathlib import Path
from typing import Any

from assistant.summary_digest import Digest, digest
from eval.summaries import Note, Promise, Quote, Resolved, Written, by, figures, judge, read_notes
from governance.settings import Settings

SHIPPED = Path("golden") / "summaries"
SHOWN = 20


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    notes = read_notes(data or settings.company / SHIPPED)
    judged = [judge(note, written(note, digest(note.text, note.day))) for note in notes]
    for each in [each for each in judged if each.missed or each.surplus or each.unsupported][:SHOWN]:
        missed = [f"- {promise.text} [{promise.owner} {promise.due}]" for promise in each.missed]
        surplus = [f"+ {promise.text} [{promise.owner} {promise.due}]" for promise in each.surplus]
        sys.stderr.write(
            "\n".join([each.note.id, *missed, *surplus, *(f"! {text}" for text in each.unsupported)]) + "\n"
        )
    languages, splits = by(judged, lambda note: note.language), by(judged, lambda note: note.split)
    return {**figures(judged), **splits, **languages}


def written(note: Note, found: Digest) -> Written:
    """The digest as the suite reads it."""
    quotes = [Quote(each.text, each.start, each.end) for each in (*found.key, *found.commitments, *found.questions)]
    days = [Resolved(Quote(note.text[w.start : w.end], w.start, w.end), w.last.isoformat()) for w in found.days]
    promises = [Promise(c.text, c.owner, c.due.isoformat() if c.due else "") for c in found.commitments]
    days += [
        Resolved(Quote(note.text[c.when.start : c.when.end], c.when.start, c.when.end), c.when.last.isoformat())
        for c in found.commitments
        if c.when
    ]
    return Written(tuple(promises), tuple(quotes), tuple(days))
