"""What a script rests on, noted when it is stored, and what of it changed since, asked whenever it is shown."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Engine, exists, select

from assistant.script import Script, from_json
from assistant.tables import scripts
from governance.db import reading
from governance.errors import Language
from governance.vault import Vault, unseal
from rag.company import Company
from rag.dependants import Flag, Kind, flags, note
from rag.facts import facts_stated_by
from rag.tables import derived_from

Claims = Mapping[str, Collection[str]]
BATCH = 200  # scripts a transaction


@dataclass(frozen=True, slots=True)
class ChangedView:
    """`place` is where the script says it; `path` leads to what changed, in the reader's language."""

    place: str
    path: tuple[str, ...]


def note_script(
    tx: Connection, script_id: str, script: Script, brief: Claims, now: datetime, supersedes: str | None = None
) -> None:
    """
    Which facts stand behind each sentence, and behind each group of the brief that it was written from.

    What an edited script takes over from the one before rests on the facts as they stood when that one was written.
    """
    earlier = _moments(tx, supersedes) if supersedes else {}
    kept: dict[str, list[str]] = defaultdict(list)
    for kind, claim, fact in earlier:
        if kind == "brief":
            kept[claim].append(fact)
    wanted: tuple[tuple[Kind, Claims], ...] = (("script", _claims(tx, script, now)), ("brief", {**kept, **brief}))
    for kind, claims in wanted:
        by_moment: dict[datetime, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for claim, ids in claims.items():
            for fact in ids:
                by_moment[earlier.get((kind, claim, fact), now)][claim].append(fact)
        for moment, noted in by_moment.items():
            note(tx, script_id, kind, noted, moment)


def note_missing(db: Engine, vault: Vault) -> int:
    """Note what older scripts rest on, by the sources that they cite; returns how many. Cheap when none lacks it."""
    used = scripts.c.status.in_(("draft", "waiting", "approved"))
    known = exists().where(derived_from.c.artefact == scripts.c.id)
    with reading(db) as tx:
        ids = tx.scalars(select(scripts.c.id).where(used, ~known)).all()
    for start in range(0, len(ids), BATCH):
        query = select(scripts.c.id, scripts.c.body, scripts.c.created_at)
        with db.begin() as tx:
            for row in tx.execute(query.where(scripts.c.id.in_(ids[start : start + BATCH]))).all():
                note_script(tx, row.id, from_json(unseal(vault, row.body)), {}, row.created_at)
    return len(ids)


def changed(tx: Connection, ids: Collection[str], today: date) -> dict[str, list[Flag]]:
    """Script → its sentences whose facts changed, then what else of the brief behind it did; nothing for the others."""
    found: dict[str, list[Flag]] = defaultdict(list)
    said = set[tuple[str, str]]()
    for flag in sorted(flags(tx, today=today, artefacts=ids), key=lambda each: each.kind != "script"):
        if flag.kind == "script" or (flag.artefact, flag.fact) not in said:
            found[flag.artefact].append(flag)
        said.add((flag.artefact, flag.fact))
    return dict(found)


def rests_on_change(found: Sequence[Flag]) -> bool:
    """Whether a sentence is concerned, not only something of the brief that nobody says."""
    return any(flag.kind == "script" for flag in found)


def changed_views(found: Sequence[Flag], company: Company, language: Language) -> tuple[ChangedView, ...]:
    """As shown to a reader of this language."""
    return tuple(
        ChangedView(_place(flag, company, language), tuple(step.say(language) for step in flag.path[1:]))
        for flag in found
    )


def _place(flag: Flag, company: Company, language: Language) -> str:
    if flag.kind != "script":
        label = company.phrases.labels.get(flag.claim)
        what = label.say(language) if label else flag.claim
        return f"简报“{what}”" if language == "zh" else f"the brief's '{what}'"
    section, _, index = flag.claim.rpartition(".")
    known = company.phrases.sections.get(section)
    title, number = known.title.say(language) if known else section, int(index) + 1
    return f"“{title}”第 {number} 句" if language == "zh" else f"'{title}', sentence {number}"


def _claims(tx: Connection, script: Script, now: datetime) -> dict[str, list[str]]:
    """Of each sentence the facts of its values; of one that an older version stored, all that its sources state."""
    lines = {
        f"{section.id}.{index}": line for section in script.sections for index, line in enumerate(section.sentences)
    }
    old = {source for line in lines.values() if not line.facts for source in line.sources}
    stated: dict[str, list[str]] = defaultdict(list)
    for fact in facts_stated_by(tx, old, known_at=now) if old else ():
        stated[fact.source].append(fact.id)
    return {
        claim: list(line.facts) or [fact for source in line.sources for fact in stated[source]]
        for claim, line in lines.items()
    }


def _moments(tx: Connection, script_id: str) -> dict[tuple[str, str, str], datetime]:
    d = derived_from.c
    rows = tx.execute(select(d.kind, d.claim, d.fact, d.at).where(d.artefact == script_id))
    return {(row.kind, row.claim, row.fact): row.at for row in rows}
