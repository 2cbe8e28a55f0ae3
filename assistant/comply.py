"""Rules of law and of the house over sentences: what fired, with the article and a lawful alternative."""

from collections.abc import Iterable
from dataclasses import dataclass

from assistant.script import Finding, ScriptSection
from governance.errors import Language
from rag.company import Bilingual, Company
from rag.likeness import Alike, judge, strength
from rag.rule_pack import Rule
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


def check_own_words(company: Company, text: str, language: Language, section: str = "") -> list[Finding]:
    """
    `check_text`, and for sentences on which no rule fired those that resemble what a rule forbids: for what a person
    wrote. Approved wordings are not judged so; of unseen lawful sentences some in two hundred are taken for a breach.
    """
    found = check_text(company, text, language, section)
    rules = {rule.id: rule for _, rule in company.rules()}
    quoted = [each.quoted for each in found]
    alike = [each for each in judge(text, language, rules) if not any(words in each.text for words in quoted)]
    return found + [_resembles(rules[each.rule], each, section) for each in alike]


def check_sections(company: Company, sections: Iterable[ScriptSection], language: Language) -> list[Finding]:
    """What the rules say of a script: each section as a whole, and each sentence that a person wrote by itself too."""
    found: list[Finding] = []
    for section in sections:
        fired_on = check_text(company, "\n".join(line.text for line in section.sentences), language, section.id)
        edited = [line.text for line in section.sentences if line.origin == "edited"]
        alike = [each for text in edited for each in check_own_words(company, text, language, section.id)]
        found += fired_on + [
            each for each in alike if (each.rule, each.quoted) not in {(f.rule, f.quoted) for f in fired_on}
        ]
    return found


def _resembles(rule: Rule, alike: Alike, section: str) -> Finding:
    message = Bilingual(
        zh=f"{rule.message.zh}（按例句判断，最接近的例句：“{alike.example}”）",
        en=f"{rule.message.en} (judged by examples; the nearest: '{alike.example}')",
    )
    severity = strength(rule.severity, alike)
    return Finding(rule.id, rule.article, rule.version, severity, message, rule.instead, alike.text, section)


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
