"""The bilingual Presidio analyzer with our engine and our recognizers only: no download, no network."""

import logging
from functools import lru_cache

from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts

from governance.chinese_names import ZhPersonRecognizer
from governance.english_names import (
    LATIN_NAME,
    EnPersonRecognizer,
    latin_names_in_chinese,
    person_part,
    placed_names,
)
from governance.identifiers import half_width
from governance.lexicon import HAN
from governance.nlp_engine import ZhArtifacts, ZhEnNlpEngine
from governance.recognizers import rule_recognizers

LEAST_SCORE = 0.4


class _Context(LemmaContextAwareEnhancer):
    """Presidio's, which copies every result deeply: only those whose score a word beside them may still raise."""

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: NlpArtifacts,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        """The results, some with a higher score."""
        open_ = [result for result in raw_results if result.score < LEAST_SCORE]
        sure = [result for result in raw_results if result.score >= LEAST_SCORE]
        return [*sure, *super().enhance_using_context(text, open_, nlp_artifacts, recognizers, context)]


class BilingualAnalyzer:
    """Chinese goes through LAC, text without Chinese through spaCy, and so do English names in Chinese text."""

    def __init__(self, threads: int = 1) -> None:
        logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)  # it warns about what we left out on purpose
        self._engine = ZhEnNlpEngine(threads)
        self._engine.load()
        registry = RecognizerRegistry(recognizers=[], supported_languages=["zh", "en"])  # not the predefined ones
        for language, people in (("zh", ZhPersonRecognizer()), ("en", EnPersonRecognizer())):
            for recognizer in (*rule_recognizers(language), people):
                registry.add_recognizer(recognizer)
        self._presidio = AnalyzerEngine(
            registry,
            self._engine,
            supported_languages=["zh", "en"],
            default_score_threshold=LEAST_SCORE,
            context_aware_enhancer=_Context(),
        )
        self._is_name = lru_cache(maxsize=4096)(self._spacy_says_name)

    def analyze(self, text: str) -> tuple[list[RecognizerResult], NlpArtifacts]:
        """What looks personal, and the words of the text."""
        language = "zh" if HAN.search(text) else "en"
        artifacts = self._engine.process_text(text, language)
        found = self._presidio.analyze(text, language=language, nlp_artifacts=artifacts)
        if language == "zh":
            assert isinstance(artifacts, ZhArtifacts)
            for start, end, score in (
                *placed_names(text),
                *latin_names_in_chinese(half_width(text), artifacts.begins.tolist()),
            ):
                if not any(result.start < end and start < result.end for result in found):
                    found.append(RecognizerResult("PERSON", start, end, score))
            for match in LATIN_NAME.finditer(text):  # two or more capitalised words
                inside = any(result.start < match.end() and match.start() < result.end for result in found)
                part = person_part(match.group())
                if part and not inside and self._is_name(match.group()[slice(*part)]):
                    start, end = match.start() + part[0], match.start() + part[1]
                    found.append(RecognizerResult("PERSON", start, end, 0.7))
        return found, artifacts

    def _spacy_says_name(self, words: str) -> bool:
        return any(span.label_ == "PERSON" for span in self._engine.english(f"{words} called.").ents)
