"""While importing: exports whose headers changed and new files get proposed columns, which a person then decides on."""

from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from governance.errors import Invalid, XinyanError
from rag.company import RECORD_FIELDS, Company
from rag.filing import Problem, store_problems
from rag.mapping_sample import samples
from rag.mappings import MACHINE, MappingVersion, propose, propose_unmapped
from rag.tabular import TableFile, table_file

TABLES = (".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".xlsm")
MOST_FILES = 20  # new files that are looked at in one import


def proposed_instead(db: Engine, company: Company, kind: str, file: TableFile, now: datetime) -> XinyanError | None:
    """For an export that cannot be read by its mapping: what to say of the version that was proposed, if one was."""
    name = company.file.records[kind].file
    try:
        found = samples(file, name)
        with db.begin() as tx:
            new = propose(tx, company, kind, name, found, by=MACHINE, now=now)
    except XinyanError:
        return None  # the file itself is what is wrong, and that was said
    return _waits(name, new)


def propose_new_files(db: Engine, company: Company, now: datetime) -> list[Problem]:
    """Tables beside the mapped ones that look like a kind that nothing is mapped to."""
    told: list[Problem] = []
    open_kinds = set(RECORD_FIELDS) - set(company.file.records)
    for path, name in _new_files(company) if open_kinds else ():
        try:
            found = samples(table_file(name, path), name)
            with db.begin() as tx:
                new = propose_unmapped(tx, company, name, found, open_kinds, now=now)
                waiting = _waits(name, new) if new else None
                problems = [Problem(name, None, waiting)] if waiting else []
                store_problems(tx, name, problems, now)
        except XinyanError as refused:
            told.append(Problem(name, None, refused))
            continue
        told += problems
        if new:
            open_kinds.discard(new.kind)
    return told


def _new_files(company: Company) -> list[tuple[Path, str]]:
    """Beside the exports, not within the documents, and no export itself."""
    folder = company.folder.resolve()
    mapped = {(folder / table.file).resolve() for table in company.file.records.values()}
    documents = (folder / company.file.documents.folder).resolve()
    places = {path.parent for path in mapped if path.parent.is_dir() and path.is_relative_to(folder)}
    found = sorted(
        path
        for place in places
        for path in place.iterdir()
        if path.suffix.lower() in TABLES and path.is_file() and not path.name.startswith((".", "~$"))
    )
    own = [path for path in found if path.resolve().is_relative_to(folder) and not path.is_relative_to(documents)]
    new = [path for path in own if path.resolve() not in mapped]
    return [(path, path.relative_to(folder).as_posix()) for path in new[:MOST_FILES]]


def _waits(name: str, new: MappingVersion) -> XinyanError | None:
    """What was refused or is in force needs no more words."""
    if new.state != "proposed":
        return None
    where = f"{new.kind} v{new.version}"
    reason = {
        "zh": f"已为“{name}”提出列对应关系（{where}），管理员核对批准后才会导入",
        "en": f"columns were proposed for '{name}' ({where}); it is imported once an administrator approves them",
    }
    return Invalid(reason=reason)
