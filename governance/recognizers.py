"""The identifiers as Presidio recognizers, in both languages."""

from presidio_analyzer import Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from governance.identifiers import RULES, Rule, half_width


class RuleRecognizer(PatternRecognizer):
    """Runs one Rule on half-width text."""

    def __init__(self, rule: Rule, language: str) -> None:
        self._rule = rule
        patterns = [Pattern(f"{rule.entity}-{i}", regex, score) for i, (regex, score) in enumerate(rule.patterns)]
        super().__init__(rule.entity, rule.name, language, patterns, context=list(rule.context))

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None, regex_flags: int | None = None
    ) -> list[RecognizerResult]:
        return super().analyze(half_width(text), entities, nlp_artifacts, regex_flags)

    def validate_result(self, pattern_text: str) -> bool | None:
        return self._rule.is_valid(pattern_text) if self._rule.is_valid else None

    def invalidate_result(self, pattern_text: str) -> bool | None:
        return self._rule.is_invalid(pattern_text) if self._rule.is_invalid else None


def rule_recognizers(language: str) -> list[RuleRecognizer]:
    """One recognizer per rule of the language."""
    return [RuleRecognizer(rule, language) for rule in RULES if language in rule.languages]
