"""Rules of law and of the house over sentences: what fired, with the article and a lawful alternative."""

from dataclasses import dataclass

from assistant.script import Finding
from governance.errors import Language
from rag.company import Bilingual, Company
from rag.rules import fired, judged


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    Words that a rule detects and what came of it: `allowed_by` is the exception that covers them; without one the rule
    fired, and `considered` are the exceptions that do not apply. `unverified`: nobody has looked the article up.
    """

    rule: str
    article: str
    version: str
    unverified: bool
    severity: str
    quoted: str
    allowed_by: Bilingual | None
    considered: tuple[Bilingual, ...]


def judgements(company: Company, text: str, language: Language) -> list[Judgement]:
    """Why each detected wording of `text` is stopped, or why it is allowed; in the order of the rules."""
    return [
        Judgement(
            rule.id,
            rule.article,
            rule.version,
            rule.unverified,
            rule.severity,
            hit.quoted,
            hit.exemption.why if hit.exemption else None,
            () if hit.exemption else tuple(each.why for each in rule.exceptions if each.patterns(language)),
        )
        for _, rule in company.rules()
        for hit in judged(rule, text, language)
    ]


def check_text(company: Company, text: str, language: Language, section: str = "") -> list[Finding]:
    """Every rule in force that fires on `text`, once per quoted words."""
    return [
        Finding(rule.id, rule.article, rule.version, rule.severity, rule.message, rule.instead, quoted, section)
        for _, rule in company.rules()
        for quoted in fired(rule, text, language)
    ]


def missing_phrases(company: Company, stage: str, language: Language, said: dict[str, str]) -> list[Finding]:
    """A finding for each phrase that `stage` must say and the text of its section (`said`: section → text) lacks."""
    return [
        Finding(
            f"must-say-{name}",
            phrase.article,
            company.phrases.version,
            "must_say",
            Bilingual(zh="缺少必须说明的内容。", en="A sentence that must be said is missing."),
            Bilingual(zh=phrase.zh, en=phrase.en),
            "",
            section,
        )
        for section, names in company.phrases.stages[stage].must_say.items()
        if section in said
        for name in names
        if (phrase := company.phrases.must_say[name]).say(language) not in said[section]
    ]
