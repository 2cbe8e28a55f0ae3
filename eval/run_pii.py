"""Suite `pii`: the product's redactor, with and without the CRM's names, beside stock Presidio, on the same texts."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import spacy
import tldextract.tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from eval.pii import SPLITS, Case, Mark, Tally, figures, read_cases, tally
from eval.scoring import wilson
from governance.nlp_engine import ENGLISH_MODEL
from governance.redact import Redactor
from governance.settings import Settings

SHIPPED = Path("golden") / "pii"
TEXT_LENGTH = 500  # characters of the texts that are timed: lines one after the other
LEAST_CPU_S = 2.0
FROM_PRESIDIO = {
    "PHONE_NUMBER": "PHONE",
    "EMAIL_ADDRESS": "EMAIL",
    "CREDIT_CARD": "BANK_CARD",
    "US_PASSPORT": "PASSPORT",
}
Find = Callable[[str, str], list[Mark]]  # text and language → answers


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    cases = read_cases(data or settings.company / SHIPPED)
    redactor, stock = Redactor({}), _stock_presidio()
    with_crm = [_answers(redactor.knowing({name: [name] for name in case.contacts}), case.text) for case in cases]
    without = [_answers(redactor, case.text) for case in cases]
    theirs = [stock(case.text, case.language) for case in cases]

    metrics = _ours(cases, with_crm, without)
    counted = tally(cases, theirs)
    metrics |= figures(counted, "_presidio") | {"person_recall_presidio": counted.recall(("PERSON",))}
    speeds = _speeds(cases, {"": lambda text, _: _answers(redactor, text), "_presidio": stock})
    metrics |= {f"chars_per_cpu_s{suffix}": speed for suffix, speed in speeds.items()}
    for split in SPLITS:
        if any(case.split == split for case in cases):
            metrics[split] = _ours(cases, with_crm, without, split)
            metrics[split] |= figures(tally(cases, theirs, split), "_presidio")
    metrics["types"] = tally(cases, with_crm).by_type()
    metrics["types_presidio"] = counted.by_type()
    return metrics | {"cases": len(cases), "spans": counted.gold.total()}


def _ours(
    cases: Sequence[Case], with_crm: Sequence[list[Mark]], without: Sequence[list[Mark]], split: str = ""
) -> dict[str, Any]:
    known, unknown = tally(cases, with_crm, split), tally(cases, without, split)
    return {
        **figures(known),
        "person_recall_with_crm": known.recall(("PERSON",)),
        "person_recall_with_crm_95": _interval(known),
        "person_recall": unknown.recall(("PERSON",)),
        "person_recall_95": _interval(unknown),
        "micro_precision_without_crm": unknown.precision(),
        "micro_recall_without_crm": unknown.recall(),
        "leak_rate_without_crm": unknown.leak_rate(),
    }


def _interval(counted: Tally) -> list[float] | None:
    people = counted.gold["PERSON"]
    return [round(bound, 4) for bound in wilson(counted.found["PERSON"], people)] if people else None


def _answers(redactor: Redactor, text: str) -> list[Mark]:
    return [Mark(span.start, span.end, span.entity) for span in redactor.find(text)]


class _Offline(SpacyNlpEngine):
    """Presidio's own engine with what can be had without a download: the English model, no model for Chinese."""

    def load(self) -> None:
        self.nlp = {"en": spacy.load(ENGLISH_MODEL), "zh": spacy.blank("zh")}


def _stock_presidio() -> Find:
    """Presidio as it comes: all recognisers that it has for the language, its own threshold, nothing of ours."""
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    tldextract.tldextract.TLD_EXTRACTOR.suffix_list_urls = ()  # its mail recogniser would fetch a list: no network
    engine = _Offline(models=[{"lang_code": code, "model_name": "-"} for code in ("en", "zh")])
    engine.load()
    registry = RecognizerRegistry(supported_languages=["zh", "en"])
    registry.load_predefined_recognizers(languages=["zh", "en"], nlp_engine=engine)
    analyzer = AnalyzerEngine(registry, engine, supported_languages=["zh", "en"])

    def find(text: str, language: str) -> list[Mark]:
        results = analyzer.analyze(text, language=language)
        return [Mark(r.start, r.end, FROM_PRESIDIO.get(r.entity_type, r.entity_type)) for r in results]

    return find


def _speeds(cases: Sequence[Case], finders: dict[str, Find]) -> dict[str, int]:
    """Characters a CPU second of each, in turns over the same texts, so that a busy machine slows all alike."""
    texts = [(language, text) for language in ("zh", "en") for text in _joined(cases, language)]
    for find in finders.values():
        find(texts[0][1], texts[0][0])  # the first call builds caches
    spent = dict.fromkeys(finders, 0.0)
    read = 0
    while min(spent.values()) < LEAST_CPU_S:
        for language, text in texts:
            read += len(text)
            for name, find in finders.items():
                begun = time.process_time()
                find(text, language)
                spent[name] += time.process_time() - begun
    return {name: round(read / seconds) for name, seconds in spent.items()}


def _joined(cases: Sequence[Case], language: str) -> Iterator[str]:
    text = ""
    for case in cases:
        if case.language == language:
            text += case.text + "\n"
            if len(text) >= TEXT_LENGTH:
                yield text
                text = ""
    if text:
        yield text
