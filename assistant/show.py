"""A script on the terminal, as the rep sees it."""

from collections.abc import Iterator

from assistant.comply_hours import CallState, say_moment
from assistant.i18n import tr
from assistant.replay import Replay
from assistant.view import BriefView, EvidenceView, ScriptView, SentenceView
from governance.errors import Language
from rag.called import STRANGERS, Crew

WORDS = {
    "unknown": ("尚不清楚的（已作为问题或略去）", "What was not known (asked, or left out)"),
    "notices": ("提醒", "Notices"),
    "disputed": ("资料互相矛盾、未引用的", "Sources disagree, not used"),
    "replaced": ("被替换的句子", "What was replaced"),
    "findings": ("合规提示", "Compliance findings"),
    "evidence": ("依据", "Evidence"),
    "none": ("无", "none"),
    "left_out": ("（未写入）", "(left out)"),
    "missing": ("（适配器未写）", "(not written by the adapter)"),
    "approved": ("已批准", "approved"),
    "waiting": ("待审核", "waiting for review"),
    "draft": ("草稿", "draft"),
    "rejected": ("已驳回", "rejected"),
    "superseded": ("已被修改稿取代", "superseded by an edit"),
    "plan": ("方案措辞", "plan's wording"),
    "edited": ("人工修改", "edited by a person"),
    "unverified": ("未核实", "not verified"),
    "approve": ("批准", "approved"),
    "reject": ("驳回", "rejected"),
    "withdraw": ("撤回为草稿", "withdrawn to a draft"),
    "same": ("与保存的逐字相同", "the same to the letter"),
    "different": ("与保存的不同", "not the same"),
    "not_again": ("无法重写", "cannot be written again"),
    "changed": ("自撰写以来，这些依据已变化", "Since this was written, what it rests on has changed"),
}
BAR: dict[Language, str] = {"zh": "｜", "en": " | "}


def word(key: str, language: Language) -> str:
    """A caption."""
    return WORDS[key][0 if language == "zh" else 1]


def brief_lines(brief: BriefView, language: Language) -> Iterator[str]:
    """The brief card: each line with the numbers of its evidence."""
    colon, semicolon = ("：", "；") if language == "zh" else (": ", "; ")
    yield BAR[language].join((brief.customer, brief.stage, brief.as_of))
    if brief.call and not brief.call.may_call:
        yield f"  {_call(brief.call, language)}"
    for line in brief.lines:
        yield f"  {line.label}{colon}{line.text} {_numbers(line.evidence)}"
    for title, texts in (("unknown", brief.unknowns), ("disputed", brief.disputed)):
        if texts:
            yield f"  {word(title, language)}{colon}{semicolon.join(texts)}"
    for notice in brief.notices:
        yield f"  {word('notices', language)}{colon}{notice.text} {_numbers(notice.evidence)}"


def _call(state: CallState, language: Language) -> str:
    """Why nobody is called now, and when next."""
    lang = "zh-CN" if language == "zh" else "en"
    said = [tr(lang, "call_closed"), tr(lang, "call_local", at=say_moment(state.at, language))]
    said.append(tr(lang, f"call_{state.why}"))
    if state.start and state.end:
        said.append(tr(lang, "call_next", start=say_moment(state.start, language), end=state.end.strftime("%H:%M")))
    said += [state.article, *([tr(lang, "call_unverified")] if state.unverified else [])]
    return BAR[language].join(said)


def script_lines(script: ScriptView) -> Iterator[str]:
    """The whole script with evidence, unknowns, replacements and findings."""
    language = script.language
    colon = "：" if language == "zh" else ": "
    yield BAR[language].join((script.customer, script.stage, script.as_of, word(script.status, language)))
    if script.decision:
        at = script.decision.at.strftime("%Y-%m-%d %H:%M")
        yield f"{script.decision.by} {word(script.decision.decision, language)} {at} {script.decision.reason}".rstrip()
    if script.changed:
        yield word("changed", language) + colon
        yield from (f"  {' ← '.join((item.place, *item.path))}" for item in script.changed)
    for section in script.sections:
        yield ""
        yield f"【{section.title}】" if language == "zh" else f"[{section.title}]"
        for sentence in section.sentences:
            yield f"  {sentence.text} {_numbers(sentence.evidence)}{_mark(sentence, language)}".rstrip()
    yield from _titled("evidence", [_evidence(entry, language) for entry in script.evidence], language)
    yield from _titled("unknown", list(script.unknowns), language)
    yield from _titled("notices", list(script.notices), language)
    replaced = [
        f"{change.section}{colon}{change.before or word('missing', language)} → "
        f"{change.after or word('left_out', language)} {_bracketed(change.reason, language)}"
        for change in script.replaced
    ]
    yield from _titled("replaced", replaced, language)
    findings = [f"{f.article}{colon}{f.message} {f.instead}" for f in script.findings]
    yield from _titled("findings", findings, language)


def replay_lines(found: Replay, language: Language, crew: Crew = STRANGERS) -> Iterator[str]:
    """Whether the script came out the same, what of its input changed, and each sentence that differs."""
    outcome = "same" if found.same else "different" if found.script else "not_again"
    yield BAR[language].join((found.stored.customer_name, found.stored.as_of.isoformat(), word(outcome, language)))
    yield from (f"  {reason.say(language)}" for reason in found.reasons)
    for section, before, after in found.differences:
        lines = crew.shown(f"- {before}\n  + {after}", language)
        yield f"  {_bracketed(section, language)}"
        yield f"  {lines}"


def _titled(title: str, lines: list[str], language: Language) -> Iterator[str]:
    yield ""
    yield word(title, language) + ("：" if language == "zh" else ": ") + ("" if lines else word("none", language))
    yield from (f"  {line}" for line in lines)


def _evidence(entry: EvidenceView, language: Language) -> str:
    comma, colon = ("，", "：") if language == "zh" else (", ", ": ")
    where = comma.join(part for part in (entry.title, entry.place, entry.date) if part)
    return f"[{entry.number}] {where}{colon}{entry.excerpt}"


def _bracketed(text: str, language: Language) -> str:
    return f"（{text}）" if language == "zh" else f"({text})"


def _numbers(evidence: tuple[int, ...]) -> str:
    return "".join(f"[{number}]" for number in evidence)


def _mark(sentence: SentenceView, language: Language) -> str:
    marks = [word(sentence.origin, language)] if sentence.origin != "adapter" else []
    if "unverified" in (sentence.structured_check, sentence.source_check):
        marks.append(word("unverified", language))
    return _bracketed(("，" if language == "zh" else ", ").join(marks), language) if marks else ""
