"""The steps from an artefact to what changed below it, in both languages; nobody is named. Pure."""

from collections.abc import Callable, Mapping
from datetime import date

from governance.vault import pseudonymise
from rag.company import Bilingual
from rag.dates import say_date
from rag.facts import Fact

_ARTEFACTS = {
    "script": ("话术", "script"),
    "brief": ("简报", "brief"),
    "summary": ("摘要", "summary"),
    "claim": ("断言", "claim"),
}
_FACTS: Mapping[str, tuple[str, str]] = {
    "name": ("名称“{value}”", "the name '{value}'"),
    "part_of": ("上级单位", "the organisation above"),
    "purchases_through": ("集中采购组织", "the purchasing group"),
    "works_at": ("联系人的任职单位", "where the contact works"),
    "holds_title": ("“{department}{value}”：人员", "'{value}{_department}': a person"),
    "bought": ("采购 {value}", "order {value}"),
    "budget": ("{value} 年预算{window}", "the budget of {value}{_window}"),
    "tender": ("招标 {value}", "tender {value}"),
    "ticket": ("服务单 {value}", "ticket {value}"),
    "price": ("价格 {value}{_currency}", "the price {value}{_currency}"),
    "contacted": ("沟通 {value}", "conversation {value}"),
    "promise": ("承诺 {value}", "promise {value}"),
    "certificate": ("注册证 {value}", "certificate {value}"),
    "scope": ("适用范围", "the scope"),
    "warranty": ("质保期 {value} 个月", "a warranty of {value} months"),
}
_OTHER = ("“{value}”", "'{value}'")
LONGEST = 80


def say_artefact(kind: str, artefact: str, claim: str) -> Bilingual:
    """Which claim of which artefact."""
    zh, en = _ARTEFACTS.get(kind, (kind, kind))
    return Bilingual(zh=f"{zh} {artefact} · {claim}", en=f"{en} {artefact} · {claim}")


def say_fact(fact: Fact, place: str) -> Bilingual:
    """What it states, without a name of anybody, and where."""
    zh, en = _FACTS.get(fact.relation, _OTHER)
    return Bilingual(
        zh=f"事实{_filled(zh, fact)}{_where(place, '（{}）')}", en=f"fact: {_filled(en, fact)}{_where(place, ' ({})')}"
    )


def say_withdrawn() -> Bilingual:
    """A fact about somebody who withdrew: nothing of it is told."""
    return Bilingual(zh="一条关于已撤回者的事实", en="a fact about somebody who withdrew")


def say_cause(reason: str, since: date, fact: Fact, cause: Fact | None, place: str) -> Bilingual:
    """What happened to it, from which day on, and where that is written."""
    zh, en = _CAUSES[reason](fact, cause)
    return Bilingual(
        zh=f"{say_date(since, 'zh')}起{zh}{_where(place, '（{}）')}",
        en=f"{en} since {say_date(since, 'en')}{_where(place, ' ({})')}",
    )


def _filled(template: str, fact: Fact) -> str:
    said = dict(fact.attributes)
    first, last = said.get("window_from", ""), said.get("window_to", "")
    fields = {
        "value": pseudonymise(fact.value, "zh")[:LONGEST],
        "department": said.get("department", ""),
        "_department": f" ({said['department']})" if said.get("department") else "",
        "window": f"（{first}–{last} 月）" if (first and last) else "",
        "_window": f" (months {first}–{last})" if (first and last) else "",
        "_currency": f" {said['currency']}" if said.get("currency") else "",
    }
    return template.format(**fields)


def _where(place: str, frame: str) -> str:
    return frame.format(place) if place else ""


def _retired(fact: Fact, cause: Fact | None) -> tuple[str, str]:
    if cause is None:
        return "原出处不再这样写", "its source no longer says so"
    said = say_fact(cause, "")
    return f"已更正为：{said.zh.removeprefix('事实')}", f"corrected to: {said.en.removeprefix('fact: ')}"


def _superseded(fact: Fact, cause: Fact | None) -> tuple[str, str]:
    if fact.relation == "holds_title":
        return "由另一人接任", "somebody else has held the post"
    said = say_fact(cause or fact, "")
    return f"改为：{said.zh.removeprefix('事实')}", f"replaced by: {said.en.removeprefix('fact: ')}"


_CAUSES: Mapping[str, Callable[[Fact, Fact | None], tuple[str, str]]] = {
    "retired": _retired,
    "superseded": _superseded,
    "ended": lambda _fact, _cause: ("不再有效", "it has not been valid"),
    "reopened": lambda _fact, _cause: ("并未结束：原先记载的接替已撤销", "it did not end after all: still valid"),
    "disputed": lambda _fact, _cause: ("有另一出处与之矛盾", "another source contradicts it"),
    "overruled": lambda _fact, _cause: ("人工裁定不予采用", "a person decided against it"),
    "forgotten": lambda _fact, _cause: ("已撤回，不得使用", "withdrawn, not to be used"),
}
