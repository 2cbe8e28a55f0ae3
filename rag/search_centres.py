"""The mean vector of each language's passages, so that a question in one language finds the other one's too."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from governance.errors import Language
from rag.embeddings import Vectors

LANGUAGES: tuple[Language, ...] = ("zh", "en")
FEW = 3.0  # so many passages at the common mean are added, for a language that has hardly any


class Centres:
    """
    multilingual-e5 places texts by language first: of an English question all English passages may stand before the
    Chinese one that answers. What a question shares with the mean of a language says nothing and is taken off.

    Source: Yang, Yang, Cer and Darve, "A Simple and Effective Method to Eliminate the Self Language Bias in
    Multilingual Representations", EMNLP 2021. Measured: nDCG@10 across languages .13 → .41, .15 → .85 and .23 → .84.
    """

    def __init__(self, languages: Sequence[Language], size: int) -> None:
        self._of = np.array([LANGUAGES.index(language) for language in languages], dtype=np.int64)
        self._sums = np.zeros((len(LANGUAGES), size), dtype=np.float64)
        self._counts = np.zeros(len(LANGUAGES), dtype=np.float64)

    def add(self, rows: NDArray[np.int64], vectors: Vectors) -> None:
        """Passages that were not added before."""
        for place in range(len(LANGUAGES)):
            here = self._of[rows] == place
            self._sums[place] += vectors[here].sum(axis=0)
            self._counts[place] += here.sum()

    def offsets(self, question: Vectors, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """What each row's language adds to its cosine with the question."""
        common = self._sums.sum(axis=0) / max(self._counts.sum(), 1.0)
        means = (self._sums + FEW * common) / (self._counts + FEW)[:, None]
        return (means @ question).astype(np.float32)[self._of[rows]]

    def speak(self, language: Language, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the rows are in this language."""
        return self._of[rows] == LANGUAGES.index(language)
