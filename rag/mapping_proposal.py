"""Columns of exports → our fields, by their names and by what they hold. A proposal, each with a confidence; pure."""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from rag.company import PACKS, RECORD_FIELDS, Bilingual
from rag.dates import parse_date, parse_month, parse_number

SURE = 0.75  # a column below this is marked for a person to check
LEAST = 0.35  # a column below this is not proposed at all
KIND_LEAST = 0.45  # a table whose columns explain a kind less well is not that kind

_UNIT = re.compile(r"\([^)]*(?:元|rmb|cny|usd|eur|月|年|台|个|套|件|必填|mm|kg)[^)]*\)")


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldNames(_Data):
    """`holds`: id, ref:KIND, date, number, year, month, flag or text."""

    holds: str
    names: list[str]


class KindNames(_Data):
    files: list[str]
    fields: dict[str, FieldNames]


class Term(Bilingual):
    word: str


class Headers(_Data):
    """packs/headers.yaml."""

    version: str
    generic: list[str]
    kinds: dict[str, KindNames]
    labels: dict[str, list[str]]
    decision_words: list[str]
    terms: dict[str, list[Term]]
    rule_packs: list[str]
    rule_packs_when: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Export:
    """A table that was found: `file` is relative to the company's folder, `cells` has one tuple per column."""

    file: str
    sheet: str | None
    header: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]

    def column(self, name: str) -> tuple[str, ...]:
        """The cells under a header."""
        return self.cells[self.header.index(name)]


@dataclass(frozen=True, slots=True)
class Match:
    """`others` are columns that would fit the field nearly as well."""

    field: str
    column: str
    confidence: float
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mapped:
    """An export as records of `kind`; `missing` are required fields for which no column was found."""

    kind: str
    export: Export
    matches: tuple[Match, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def column_of(self, field: str) -> str | None:
        return next((match.column for match in self.matches if match.field == field), None)


def load_headers(path: Path = PACKS / "headers.yaml") -> Headers:
    """The synonyms that Xinyan ships."""
    return Headers.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def propose(exports: Sequence[Export], headers: Headers) -> list[Mapped]:
    """
    At most one export per kind, in the order of RECORD_FIELDS. Titles may come from the table of contacts.

    First each export gets the kind that its columns explain best; then customers, contacts and the rest are mapped in
    this order, so that a column of references can be checked against the ids that it refers to.
    """
    scored = [
        (_kind_score(export, kind, headers), kind, export)
        for export in exports
        for kind in RECORD_FIELDS
        if kind in headers.kinds
    ]
    chosen: dict[str, Export] = {}
    for score, kind, export in sorted(scored, key=lambda each: (-each[0], each[1], each[2].file, each[2].sheet or "")):
        if score >= KIND_LEAST and kind not in chosen and export not in chosen.values():
            chosen[kind] = export
    if "titles" not in chosen and "contacts" in chosen and _holds_titles(chosen["contacts"], headers):
        chosen["titles"] = chosen["contacts"]
    known: dict[str, set[str]] = {}
    mapped: list[Mapped] = []
    for kind in RECORD_FIELDS:
        if kind in chosen:
            found = _map(chosen[kind], kind, headers, known)
            if kind == "customers":
                found = _with_referred_id(found, [each for other, each in chosen.items() if other != kind], headers)
            mapped.append(found)
            if column := found.column_of("id"):
                known[kind] = set(found.export.column(column))
    return [_named_in_contacts(each, mapped) for each in mapped]


def propose_kind(export: Export, kind: str, headers: Headers, known: Mapping[str, Collection[str]]) -> Mapped:
    """One export as records of `kind`; `known`: the ids of other kinds, by which columns of references are checked."""
    return _map(export, kind, headers, known)


def likely_kind(export: Export, kinds: Collection[str], headers: Headers) -> str | None:
    """Which of the kinds the columns explain best, None when none of them well enough."""
    scored = [(_kind_score(export, kind, headers), kind) for kind in RECORD_FIELDS if kind in headers.kinds]
    best, kind = max(scored, default=(0.0, ""))
    return kind if best >= KIND_LEAST and kind in kinds else None


def _kind_score(export: Export, kind: str, headers: Headers) -> float:
    """How well the columns explain the kind and the kind the columns, with a little for the name of the file."""
    pairs = _best(export, kind, headers, {})
    required, optional = RECORD_FIELDS[kind]
    need = sum(pairs[field][0] if field in pairs else 0 for field in required) / len(required)
    more = sum(field in pairs for field in optional) / max(1, len(optional))
    explained = len({column for _, column in pairs.values()}) / len(export.header)
    if sum(field not in pairs for field in required) > len(required) // 2:
        return 0.0
    name = _plain(f"{export.file}/{export.sheet or ''}")
    hinted = any(_plain(word) in name for word in headers.kinds[kind].files)
    return need * (0.7 + 0.15 * more + 0.15 * explained) + (0.2 if hinted else 0)


def _best(
    export: Export, kind: str, headers: Headers, known: Mapping[str, Collection[str]]
) -> dict[str, tuple[float, str]]:
    """Field → confidence and column, the surest pair first, each column once."""
    scores = sorted(
        (
            (round(confidence, 2), field, column)
            for field, names in headers.kinds[kind].fields.items()
            for column in export.header
            if (confidence := _confidence(export, column, names, headers, known)) >= LEAST
        ),
        key=lambda each: (-each[0], export.header.index(each[2])),
    )
    pairs: dict[str, tuple[float, str]] = {}
    for confidence, field, column in scores:
        if field not in pairs and all(column != taken for _, taken in pairs.values()):
            pairs[field] = (confidence, column)
    return pairs


def _map(export: Export, kind: str, headers: Headers, known: Mapping[str, Collection[str]]) -> Mapped:
    pairs = _best(export, kind, headers, known)
    fields = headers.kinds[kind].fields
    if kind == "customers" and "id" not in pairs and "name" in pairs and _unique(export.column(pairs["name"][1])):
        pairs["id"] = (0.6, pairs["name"][1])  # an export without ids: the name serves as one
    matches: list[Match] = []
    for field in [field for group in RECORD_FIELDS[kind] for field in group if field in pairs]:
        confidence, column = pairs[field]
        rivals = [
            other
            for other in export.header
            if other != column and _confidence(export, other, fields[field], headers, known) >= confidence - 0.2
        ]
        matches.append(Match(field, column, confidence, tuple(rivals)))
    used = {match.column for match in matches}
    missing = tuple(field for field in RECORD_FIELDS[kind][0] if field not in pairs)
    return Mapped(kind, export, tuple(matches), missing, tuple(name for name in export.header if name not in used))


def _confidence(
    export: Export, column: str, names: FieldNames, headers: Headers, known: Mapping[str, Collection[str]]
) -> float:
    named = _name_score(column, names.names, headers.generic)
    return named * _fit(names.holds, export.column(column), known) if named else 0.0


def _name_score(header: str, names: Sequence[str], generic: Sequence[str]) -> float:
    """0.98 for a synonym, 0.75 for one that says little, less for a header that only contains one."""
    own = _plain(header)
    if not own:
        return 0.0
    best = 0.0
    for name in map(_plain, names):
        if own == name:
            score = 0.75 if name in {_plain(each) for each in generic} else 0.98
        elif len(name) > 1 and name in own:
            score = 0.45 + 0.4 * len(name) / len(own)
        elif len(own) > 1 and own in name:
            score = 0.3 + 0.3 * len(own) / len(name)
        else:
            score = 0.0
        best = max(best, score)
    return best


def _fit(holds: str, cells: Sequence[str], known: Mapping[str, Collection[str]]) -> float:
    """How well the cells are what the field holds: 1 perfectly, near 0 not at all."""
    filled = [cell for cell in cells if cell]
    if not filled:
        return 0.7
    if holds == "id":
        return 1.0 if len(filled) == len(cells) and _unique(filled) else 0.2
    if holds.startswith("ref:"):
        ids = known.get(holds.removeprefix("ref:"))
        if ids is None:
            return 0.9
        share = sum(cell in ids for cell in filled) / len(filled)
        return 1.0 if share >= 0.9 else 0.75 if share >= 0.5 else 0.3 if holds == "ref:products" else 0.15
    if holds == "flag":
        return 1.0 if len(set(filled)) <= 4 else 0.2
    if holds == "text":
        return 0.6 if len(filled) > 2 and _share(filled, parse_date) > 0.9 else 1.0
    share = _share(filled, _PARSERS[holds])
    return 1.0 if share >= 0.9 else 0.7 if share >= 0.6 else 0.1


def _share(cells: Sequence[str], parse: Callable[[str], object]) -> float:
    return sum(_parses(cell, parse) for cell in cells) / len(cells)


def _parses(cell: str, parse: Callable[[str], object]) -> bool:
    try:
        parse(cell)
    except ValueError:
        return False
    return True


def _year(cell: str) -> int:
    year = int(float(cell.removesuffix("年度").removesuffix("年")))
    if not 1990 <= year <= 2100:
        raise ValueError(cell)
    return year


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "date": parse_date,
    "number": parse_number,
    "year": _year,
    "month": parse_month,
}


def _unique(cells: Sequence[str]) -> bool:
    """All different, but for the odd duplicated row."""
    return bool(cells) and len(set(cells)) >= 0.97 * len(cells)


def _holds_titles(export: Export, headers: Headers) -> bool:
    pairs = _best(export, "titles", headers, {})
    return all(field in pairs and pairs[field][0] >= 0.6 for field in ("title", "from"))


def _with_referred_id(mapped: Mapped, others: Sequence[Export], headers: Headers) -> Mapped:
    """The id of a customer is the column that the other exports refer to, even when it is a name."""
    columns: list[tuple[str, ...]] = []
    for export in others:
        fields = (kind.fields["customer"] for kind in headers.kinds.values() if "customer" in kind.fields)
        named = [
            (score, column)
            for names in fields
            for column in export.header
            if (score := _name_score(column, names.names, headers.generic)) >= 0.6
        ]
        columns += [export.column(column) for _, column in named]
    shares = {
        name: max((_overlap(cells, column) for cells in columns), default=0.0)
        for name, column in zip(mapped.export.header, mapped.export.cells, strict=True)
        if _unique([cell for cell in column if cell])
    }
    best = max(shares, key=lambda name: shares[name], default=None)
    current = mapped.column_of("id")
    if best is None or best == current or shares[best] < 0.5 or shares.get(current or "", 0.0) >= shares[best]:
        return mapped
    match = Match("id", best, round(0.5 + 0.4 * shares[best], 2), (current,) if current else ())
    matches = (match, *(each for each in mapped.matches if each.field != "id"))
    used = {each.column for each in matches}
    unused = tuple(name for name in mapped.export.header if name not in used)
    return Mapped("customers", mapped.export, matches, tuple(f for f in mapped.missing if f != "id"), unused)


def _overlap(cells: Sequence[str], ids: Sequence[str]) -> float:
    filled, known = [cell for cell in cells if cell], set(ids)
    return sum(cell in known for cell in filled) / len(filled) if filled else 0.0


def _named_in_contacts(mapped: Mapped, all_mapped: Sequence[Mapped]) -> Mapped:
    """Titles that lie in the table of contacts are referred to by that table's own id."""
    contacts = next((each for each in all_mapped if each.kind == "contacts"), None)
    if mapped.kind != "titles" or contacts is None or mapped.export != contacts.export:
        return mapped
    column = contacts.column_of("id")
    if column is None:
        return mapped
    confidence = next(match.confidence for match in contacts.matches if match.field == "id")
    matches = (Match("contact", column, confidence, ()), *(m for m in mapped.matches if m.field != "contact"))
    return Mapped("titles", mapped.export, matches, tuple(f for f in mapped.missing if f != "contact"), mapped.unused)


def _plain(text: str) -> str:
    """How names are compared: half-width, lower case, without units in brackets, spaces and marks."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\s_\-./:*#'\"]", "", _UNIT.sub("", folded))
