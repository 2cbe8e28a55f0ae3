"""The text of a proposed company.yaml: what was found, how sure that is, and what a person must look at. Pure."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import yaml

from governance.errors import UnreadableFile
from rag.company import DOCUMENT_RELATIONS, RECORD_FIELDS, Bilingual
from rag.mapping_proposal import SURE, Export, Headers, Mapped, Term

CHECK = "请核对 / please check"
KINDS = {
    "customers": ("客户", "customers"),
    "contacts": ("联系人", "contacts"),
    "titles": ("职务履历", "title histories"),
    "products": ("产品", "products"),
    "purchases": ("采购", "purchases"),
    "budgets": ("预算", "budgets"),
    "tenders": ("招标", "tenders"),
    "tickets": ("服务单", "service tickets"),
    "consents": ("联系同意", "consents"),
    "communications": ("沟通记录", "communications"),
    "promises": ("承诺", "promises"),
    "prices": ("价格", "prices"),
}
WITHOUT = {  # what does not work while a kind is missing
    "customers": ("没有客户就没有销售线索", "no lead can be entered"),
    "contacts": ("没有联系人就没有负责人", "nobody can be addressed"),
    "titles": ("不知道谁现在做决定", "who decides now is unknown"),
    "products": ("文档中的证书、适用范围和质保无法对应到产品", "what documents state cannot be bound to a product"),
    "purchases": ("话术中没有采购回顾", "scripts hold no purchase history"),
    "consents": ("没有联系同意，任何话术都会被拒绝", "without consent every script is refused"),
}


@dataclass(frozen=True, slots=True)
class Findings:
    """What the scan found; files are relative to the company's folder."""

    id: str
    name: str
    complete: tuple[Mapped, ...]
    incomplete: tuple[Mapped, ...]
    other: tuple[Export, ...]
    documents: tuple[str, ...]
    documents_folder: str
    outside: tuple[str, ...]
    labels: dict[str, list[str]]
    unknown_labels: tuple[str, ...]
    certificate_pattern: str
    words: str
    unreadable: tuple[UnreadableFile, ...]
    headers_cover: tuple[str, ...]

    @property
    def open(self) -> tuple[Bilingual, ...]:
        """What only a person can settle, the most important first."""
        return tuple(_open(self))


def profile_text(found: Findings, headers: Headers) -> str:
    """The whole file. Everything uncertain is a comment or carries one."""
    lines = [
        "# 公司档案草稿，由 new-company 根据文件夹内容提出；每列后面的数字是把握程度。带“请核对”的行请人工确认。",
        "# A draft by new-company; the number after a column is how sure it is. Check the lines marked 'please check'.",
        f"id: {found.id}",
        f"name: {{zh: {_quoted(found.name)}, en: {_quoted(found.name)}}}  # {CHECK}",
        'version: "1"',
        *_terms(found, headers),
        "",
        "# 各导出文件的列名 / which column of which export holds which field",
        *(_records(found)),
        "",
        *_documents(found),
        "",
        *_glossary(found),
        "",
        *_decision_titles(found, headers),
        "phrase_book: phrases.yaml  # 通用话术，可复制到本文件夹修改 / neutral; copy it here to change it",
        *_rule_packs(found, headers),
        "purposes: [retrieval, training]",
        "",
    ]
    return "\n".join(lines)


def _terms(found: Findings, headers: Headers) -> Iterator[str]:
    yield f"terms:  # {CHECK}"
    for name, terms in headers.terms.items():
        term: Term = next(each for each in terms if each.word.casefold() in found.words.casefold())
        yield f"  {name}: {{zh: {term.zh}, en: {term.en}}}"


def _records(found: Findings) -> Iterator[str]:
    yield "records:" if found.complete else "records: {}  # 没有找到导出表 / no export was found"
    for mapped in found.complete:
        elsewhere = {m.column for each in found.complete if each.export == mapped.export for m in each.matches}
        yield from _table(mapped, elsewhere)
    for mapped in found.incomplete:
        zh, en = KINDS[mapped.kind]
        missing = ", ".join(mapped.missing)
        yield f"  # {CHECK}: {zh}缺少必填字段 / {en} lack the required {missing}"
        yield from (f"  # {line.strip()}" if line.strip() else "  #" for line in _table(mapped, ()))
    for kind in found.headers_cover:
        if all(each.kind != kind for each in (*found.complete, *found.incomplete)):
            required = ", ".join(RECORD_FIELDS[kind][0])
            zh, en = KINDS[kind]
            yield f"  # {kind}: 未找到{zh}表 / no export of {en}; 必填 / required: {required}"
    for export in found.other:
        yield f"  # 未使用的表 / not used: {_where(export)}: {', '.join(export.header)}"


def _table(mapped: Mapped, elsewhere: Collection[str]) -> Iterator[str]:
    """`elsewhere`: columns of the same export that another kind uses."""
    yield f"  {mapped.kind}:"
    yield f"    file: {_quoted(mapped.export.file)}"
    if mapped.export.sheet is not None:
        yield f"    sheet: {_quoted(mapped.export.sheet)}"
    if (column := mapped.column_of("decides")) is not None:
        yield f'    "yes": [{", ".join(map(_quoted, _yes(mapped.export.column(column))))}]  # {CHECK}'
    yield "    columns:"
    for match in mapped.matches:
        sure = f"{match.confidence:.2f}"
        note = sure if match.confidence >= SURE else f"{sure} {CHECK}"
        others = f"; 其他可能 / or: {', '.join(match.others)}" if match.others else ""
        yield f"      {_quoted(match.field)}: {_quoted(match.column)}  # {note}{others}"
    if unused := [column for column in mapped.unused if column not in elsewhere]:
        free = [f for group in RECORD_FIELDS[mapped.kind] for f in group if mapped.column_of(f) is None]
        yield f"      # 未对应的列 / columns not used: {', '.join(unused)}"
        yield f"      # 还可对应的字段 / fields without a column: {', '.join(free) or '–'}"


def _yes(cells: Sequence[str]) -> list[str]:
    """What means yes in a column of flags."""
    known = {"是", "yes", "true", "1", "y", "t", "√", "有", "对", "关键"}
    found = sorted({cell for cell in cells if cell.casefold() in known})
    return found or ["是", "yes", "true", "1", "Y", "y"]


def _documents(found: Findings) -> Iterator[str]:
    yield "# 文件夹，以及文件中的标签 / where documents lie, and the labels by which they name a product's facts"
    yield "documents:"
    yield f"  folder: {_quoted(found.documents_folder)}{'' if found.documents else '  # ' + CHECK}"
    if found.outside:
        yield f"  # {CHECK}: 请把这些文件移入该文件夹 / move these into that folder: {', '.join(found.outside[:10])}"
    yield "  labels:" if found.labels else f"  labels: {{}}  # {CHECK}: 文档中没有认识的标签 / no known label was found"
    for relation, names in found.labels.items():
        yield f"    {relation}: [{', '.join(map(_quoted, names))}]"
    if found.unknown_labels:
        yield f"  # 文档中还有这些标签 / other labels in the documents: {', '.join(found.unknown_labels)}"
        yield f"  # 可用的关系 / relations: {', '.join(DOCUMENT_RELATIONS)}"
    if found.certificate_pattern:
        yield f"  certificate_pattern: {_single(found.certificate_pattern)}  # {CHECK}"
    for refused in found.unreadable:
        yield f"  # {_comment(refused.say('zh'))} / {_comment(refused.say('en'))}"


def _glossary(found: Findings) -> Iterator[str]:
    yield "# 中文 → 英文，英文话术用，没有译文的词保持原样 / Chinese → English, for English scripts"
    yield "# 服务单主题、招标标题等也可写在这里 / subjects of tickets and titles of tenders may stand here too"
    words = [word for word in _words(found) if re.search(r"[\u4e00-\u9fff]", word)]
    yield (
        "glossary: {}"
        if not words
        else f"glossary: {{}}  # {CHECK}: 去掉大括号，填写译文 / remove the braces, translate"
    )
    yield from (f'#  {_quoted(word)}: ""' for word in words)


def _words(found: Findings) -> list[str]:
    """Categories, titles, departments and units of the exports, each once; never free text, which may name people."""
    wanted = {("purchases", "category"), ("products", "category"), ("products", "unit"), ("purchases", "unit")}
    wanted |= {("titles", "title"), ("titles", "department"), ("tickets", "status")}
    cells = [
        cell
        for mapped in found.complete
        for field in RECORD_FIELDS[mapped.kind][0] + RECORD_FIELDS[mapped.kind][1]
        if (mapped.kind, field) in wanted and (column := mapped.column_of(field)) is not None
        for cell in mapped.export.column(column)
        if cell
    ]
    return list(dict.fromkeys(cells))[:60]


def _decision_titles(found: Findings, headers: Headers) -> Iterator[str]:
    titles = next((each for each in found.complete if each.kind == "titles"), None)
    column = titles.column_of("title") if titles else None
    if titles is None or column is None or titles.column_of("decides") is not None:
        yield "decision_titles: []  # 只在职务表没有“是否决策人”列时使用 / used when no column says who decides"
        return
    held = sorted({cell for cell in titles.export.column(column) if cell})
    likely = [each for each in held if any(word in each.casefold() for word in headers.decision_words)]
    yield f"# {CHECK}: 哪些职务能做采购决定 / which posts decide on purchases"
    yield f"# 全部职务 / all posts: {_comment(', '.join(held[:40]))}"
    yield f"decision_titles: [{', '.join(map(_quoted, likely))}]"


def _rule_packs(found: Findings, headers: Headers) -> Iterator[str]:
    said = [pack for pack, words in headers.rule_packs_when.items() if any(word in found.words for word in words)]
    rest = [pack for pack in headers.rule_packs_when if pack not in said]
    yield f"rule_packs: [{', '.join([*headers.rule_packs, *said])}]"
    if rest:
        yield f"# 还有 / also available: {', '.join(rest)}"


def _open(found: Findings) -> Iterator[Bilingual]:
    kinds = {each.kind for each in found.complete}
    for mapped in found.incomplete:
        zh, en = KINDS[mapped.kind]
        where, missing = _where(mapped.export), ", ".join(mapped.missing)
        yield Bilingual(
            zh=f"{zh}：{where} 缺少字段 {missing}，请在 records.{mapped.kind}.columns 里补上对应的列",
            en=f"{en}: {where} lacks {missing}; add the column under records.{mapped.kind}.columns",
        )
    for kind, (zh, en) in WITHOUT.items():
        if kind not in kinds and all(each.kind != kind for each in found.incomplete):
            required = ", ".join(RECORD_FIELDS[kind][0])
            yield Bilingual(
                zh=f"没有找到{KINDS[kind][0]}表（必填：{required}）：{zh}",
                en=f"no export of {KINDS[kind][1]} (required: {required}): {en}",
            )
    unsure = [f"{m.kind}.{match.field}" for m in found.complete for match in m.matches if match.confidence < SURE]
    if unsure:
        yield Bilingual(zh=f"没有把握的列：{'、'.join(unsure)}", en=f"columns to check: {', '.join(unsure)}")
    if found.outside:
        listed = ", ".join(found.outside[:5])
        yield Bilingual(
            zh=f"请把文档移入 {found.documents_folder} 文件夹：{listed}",
            en=f"move the documents into {found.documents_folder}: {listed}",
        )
    if not found.documents:
        yield Bilingual(zh="没有找到文档", en="no document was found")
    for refused in found.unreadable:
        yield Bilingual(zh=refused.say("zh"), en=refused.say("en"))


def _where(export: Export) -> str:
    return f"{export.file} [{export.sheet}]" if export.sheet else export.file


def _comment(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _quoted(text: str) -> str:
    """A YAML scalar that reads back as `text`, quoted only when it must be."""
    if re.fullmatch(r"[\w\u4e00-\u9fff][\w\u4e00-\u9fff ./()（）-]*", text) and not text.endswith(" "):
        plain = yaml.safe_load(f"[{text}]")
        if plain == [text]:
            return text
    return json.dumps(text, ensure_ascii=False)


def _single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
