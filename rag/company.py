"""The company profile: everything about the trade that is not code, read from company.yaml and checked."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from governance.errors import BadProfile, Language
from rag.call_hours import CallHours
from rag.rule_pack import PACKS, Bilingual, Edge, Rule, RulePack

SLOT = re.compile(r"\{([a-z][a-z0-9_]*)\}")

# A fact group is what the brief knows about one thing; its slots are the named placeholders that code fills.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "rep": ("rep", "company"),
    "customer": ("customer",),
    "decider": ("decider", "decider_title", "decider_called", "decider_address"),
    "title_change": ("decider_since",),
    "contact": ("contact_date",),
    "contact_topic": ("contact_subject",),
    "promise": ("promise_text",),
    "purchase1": ("buy1_year", "buy1_category", "buy1_quantity"),
    "purchase2": ("buy2_year", "buy2_category", "buy2_quantity"),
    "purchase3": ("buy3_year", "buy3_category", "buy3_quantity"),
    "budget": ("budget_year", "budget_window"),
    "ticket": ("ticket_date", "ticket_subject"),
    "tender": ("tender_title", "tender_closes"),
    "product": ("product", "category"),
    "certificate": ("certificate", "certificate_until"),
    "scope": ("scope",),
    "warranty": ("warranty",),
}

# Record kinds and the fields each may have; the first line of a kind is what a row cannot do without.
RECORD_FIELDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "customers": (
        ("id", "name"),
        ("name_en", "aliases", "region", "level", "parent", "registration", "campus", "former_names", "group"),
    ),
    "contacts": (("id", "customer", "name"), ("name_en", "department", "phone", "email", "wechat", "note")),
    "titles": (("contact", "title", "from"), ("department", "to", "decides")),
    "products": (("id", "name"), ("name_en", "category", "model", "unit")),
    "purchases": (("id", "customer", "date", "category"), ("product", "quantity", "unit", "amount", "contract")),
    "budgets": (("customer", "year"), ("window_from", "window_to", "amount")),
    "tenders": (("id", "customer", "title", "published"), ("category", "closes", "result", "winner", "amount")),
    "tickets": (("id", "customer", "opened", "subject"), ("product", "closed", "status")),
    "consents": (("contact", "purpose", "given"), ("expires", "withdrawn", "channel", "text")),
    "communications": (("id", "customer", "date", "channel"), ("contact", "subject", "note")),
    "promises": (("id", "customer", "made", "text"), ("due", "owner", "kept")),
    "prices": (("product", "price", "from"), ("customer", "to", "currency", "unit")),
}
# A post that one person holds at a time: the head's, not his deputies', nor a rank such as 主任医师, Chief Physician
UNIQUE_TITLES = (
    r"^(?!.*(?:副|助理|代理)).*(?:主任|科长|处长|部长|院长|护士长|经理|总监)$",
    r"(?i)^(?!.*\b(?:deputy|vice|assistant|associate|acting|physician|surgeon|pharmacist|technician)\b)"
    r"(?:(?:director|head|chief)\b.*|.*\b(?:director|head|chief))$",
)
DOCUMENT_RELATIONS = ("product", "model", "certificate", "certificate_from", "certificate_until", "scope", "warranty")


_Model = TypeVar("_Model", bound=BaseModel)


class Table(Edge):
    """One export: its file below the company's folder, and our field → its column."""

    file: str
    columns: dict[str, str]
    sheet: str | None = None
    yes: list[str] = Field(default_factory=lambda: ["是", "yes", "true", "1", "Y", "y"])  # what means yes in its cells

    def misfit(self, kind: str) -> str:
        """What is wrong with it as a table of this kind; "" when nothing is."""
        if kind not in RECORD_FIELDS:
            return f": unknown, use one of {sorted(RECORD_FIELDS)}"
        required, optional = RECORD_FIELDS[kind]
        if missing := set(required) - set(self.columns):
            return f".columns: {sorted(missing)} missing"
        unknown = set(self.columns) - set(required) - set(optional)
        return f".columns: unknown field {sorted(unknown)}" if unknown else ""


class Documents(Edge):
    """Where documents lie, and which labels in them name which relation of a product."""

    folder: str = "documents"
    labels: dict[str, list[str]] = Field(default_factory=dict)
    certificate_pattern: str = ""  # a regular expression of the trade's certificate numbers


class Move(Edge):
    """One sentence of a section in many wordings. Planned when all `needs` are known and none of `unless` is."""

    id: str
    needs: list[str] = Field(default_factory=list)
    unless: list[str] = Field(default_factory=list)
    zh: Annotated[list[str], Field(min_length=1)]
    en: Annotated[list[str], Field(min_length=1)]

    def wordings(self, language: Language) -> list[str]:
        """All wordings; the first is the plan's own."""
        return self.zh if language == "zh" else self.en

    @property
    def slots(self) -> tuple[str, ...]:
        """The placeholders that every wording carries, sorted."""
        return tuple(sorted(set(SLOT.findall(self.zh[0]))))


class Section(Edge):
    title: Bilingual
    moves: Annotated[list[Move], Field(min_length=1)]

    def planned(self, known: Collection[str]) -> tuple[Move, ...]:
        """The moves that a section holds when the groups `known` (fact groups and must_… phrases) are given."""
        return tuple(m for m in self.moves if set(m.needs) <= set(known) and not set(m.unless) & set(known))


class MustSay(Bilingual):
    """A sentence that the law or the company demands word for word."""

    article: str


class Stage(Edge):
    """
    A step of the funnel: which sections in which order, and what each section must say. One that is not `trained` gets
    the plan's own wording, and nothing of it goes into the training set.
    """

    name: Bilingual
    trained: bool = True
    sections: Annotated[list[str], Field(min_length=1)]
    must_say: dict[str, list[str]] = Field(default_factory=dict)


class PhraseBook(Edge):
    """The wording that the company approved. A placeholder is written {like_this}."""

    version: str
    labels: dict[str, Bilingual]
    must_say: dict[str, MustSay]
    sections: dict[str, Section]
    stages: dict[str, Stage]

    @model_validator(mode="after")
    def _names_fit(self) -> "PhraseBook":
        known = set(GROUPS) | {f"must_{name}" for name in self.must_say}
        slots = {slot for group in GROUPS.values() for slot in group} | {f"must_{name}" for name in self.must_say}
        for section_id, section in self.sections.items():
            for move in section.moves:
                where = f"sections.{section_id}.{move.id}"
                if unknown := (set(move.needs) | set(move.unless)) - known:
                    raise ValueError(f"{where}: unknown group {sorted(unknown)}")
                given = {slot for need in move.needs for slot in GROUPS.get(need, (need,))}
                for wording in [*move.zh, *move.en]:
                    used = set(SLOT.findall(wording))
                    if used != set(move.slots):
                        raise ValueError(f"{where}: '{wording}' must carry exactly {list(move.slots)}")
                    if unknown := used - slots:
                        raise ValueError(f"{where}: unknown placeholder {sorted(unknown)}")
                    if missing := used - given:
                        raise ValueError(f"{where}: {sorted(missing)} is used, but its group is not under needs")
        for stage_id, stage in self.stages.items():
            if unknown := set(stage.sections) - set(self.sections):
                raise ValueError(f"stages.{stage_id}: unknown section {sorted(unknown)}")
            for section_id, names in stage.must_say.items():
                if section_id not in stage.sections or set(names) - set(self.must_say):
                    raise ValueError(f"stages.{stage_id}.must_say.{section_id}: unknown section or phrase")
                carried = {need for move in self.sections[section_id].moves for need in move.needs}
                if lacking := {f"must_{name}" for name in names} - carried:
                    raise ValueError(f"stages.{stage_id}.must_say.{section_id}: no move carries {sorted(lacking)}")
        return self


class Cue(Edge):
    """Words that name a relation; `groups` are the fact groups that may stand in it, none: no value may."""

    groups: list[str]
    zh: list[str]
    en: list[str]

    @model_validator(mode="after")
    def _groups_exist(self) -> "Cue":
        if unknown := set(self.groups) - set(GROUPS):
            raise ValueError(f"cues: unknown group {sorted(unknown)}")
        return self


class Cues(Edge):
    version: str
    cues: list[Cue]


class Demonstration(Edge):
    """The lead that `make demo` enters; `today` is the day that the sample records were written for."""

    customer: str
    stage: str
    product: str = ""
    today: date | None = None


class _CompanyFile(Edge):
    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
    name: Bilingual
    version: str
    terms: dict[Literal["customer", "contact", "product", "certificate"], Bilingual]
    records: dict[str, Table]
    documents: Documents = Documents()
    glossary: dict[str, str] = Field(default_factory=dict)  # Chinese → English: titles, categories, units, subjects
    decision_titles: list[str] = Field(default_factory=list)  # used when an export has no column that says who decides
    unique_titles: list[str] = Field(default_factory=lambda: list(UNIQUE_TITLES))  # regular expressions; no match: many
    phrase_book: str = "phrases.yaml"
    cues: str = "cues.yaml"
    rule_packs: list[str]
    call_hours: CallHours = CallHours()  # when customers may be called, where it differs from packs/call-hours.yaml
    demonstration: Demonstration | None = None  # none: the first customer who may be called
    purposes: list[str] = Field(default_factory=lambda: ["retrieval", "training"])  # what documents may be used for

    @model_validator(mode="after")
    def _tables_fit(self) -> "_CompanyFile":
        for kind, table in self.records.items():
            if wrong := table.misfit(kind):
                raise ValueError(f"records.{kind}{wrong}")
        if unknown := set(self.documents.labels) - set(DOCUMENT_RELATIONS):
            raise ValueError(f"documents.labels: unknown relation {sorted(unknown)}")
        for pattern in self.unique_titles:
            try:
                re.compile(pattern)
            except re.error as wrong:
                raise ValueError(f"unique_titles: {pattern}: {wrong}") from wrong
        return self


@dataclass(frozen=True, slots=True)
class Company:
    """A checked profile with its phrase book and its rules in force."""

    folder: Path
    file: _CompanyFile
    phrases: PhraseBook
    packs: tuple[RulePack, ...]
    cues: tuple[Cue, ...]

    @property
    def id(self) -> str:
        return self.file.id

    def name(self, language: Language) -> str:
        return self.file.name.say(language)

    def term(self, name: Literal["customer", "contact", "product", "certificate"], language: Language) -> str:
        """What the trade calls it."""
        return self.file.terms[name].say(language)

    def translate(self, text: str, language: Language) -> str:
        """A title, category, unit or subject in `language`; unchanged when the glossary has no entry."""
        return self.file.glossary.get(text, text) if language == "en" else text

    def is_unique_title(self, title: str) -> bool:
        """Whether one person at a time holds this post in a department."""
        return any(re.search(pattern, title) for pattern in self.file.unique_titles)

    def rules(self) -> Iterator[tuple[RulePack, Rule]]:
        """Every rule in force with its pack."""
        return ((pack, rule) for pack in self.packs for rule in pack.rules)


def _load(path: Path, model: type[_Model]) -> _Model:
    try:
        content: Any = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=yaml.CSafeLoader)  # ten times faster
        return model.model_validate(content)
    except FileNotFoundError as missing:
        raise BadProfile(path=path.name, reason={"zh": "文件不存在", "en": "the file does not exist"}) from missing
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as broken:
        raise BadProfile(path=path.name, reason=str(broken)) from broken
    except ValidationError as wrong:
        first = wrong.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadProfile(path=path.name, reason=f"{place}: {first['msg']}".lstrip(": ")) from wrong


def _beside(folder: Path, name: str) -> Path:
    """`name` in the company's folder, else among the packs that Xinyan ships; never outside the two."""
    own = (folder / name).resolve()
    return own if own.is_file() and own.is_relative_to(folder.resolve()) else PACKS / Path(name).name


def load_company(folder: Path) -> Company:
    """Read company.yaml with the phrase book and the rule packs that it names; raises BadProfile with the place."""
    file = _load(folder / "company.yaml", _CompanyFile)
    phrases = _load(_beside(folder, file.phrase_book), PhraseBook)
    packs = tuple(load_pack(_beside(folder, f"{name}.yaml")) for name in file.rule_packs)
    cues = _load(_beside(folder, file.cues), Cues)
    return Company(folder, file, phrases, packs, tuple(cues.cues))


def load_pack(path: Path) -> RulePack:
    """One rule pack; raises BadProfile with the place."""
    return _load(path, RulePack)
