"""BM25 as a dot product: a passage carries its term frequencies, a question the rarity of its words."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.tokens import token_id

K1, B = 1.2, 0.75
MOST = 64  # words of one question that are looked up, the rarest first


@dataclass(frozen=True, slots=True)
class Weights:
    """Token ids and their weights, of one text."""

    ids: list[int]
    values: list[float]


class Vocabulary:
    """In how many of the passages each word occurs, and how long they are on average."""

    def __init__(self, texts: Iterable[Sequence[str]]) -> None:
        self._frequencies: Counter[int] = Counter()
        self._texts = total = 0
        for tokens in texts:
            self._frequencies.update(set(map(token_id, tokens)))
            self._texts += 1
            total += len(tokens)
        # in steps of a tenth, so that a new document does not change the weights of all others on a server
        self.average = 1.1 ** round(math.log(max(total / max(self._texts, 1), 1.0), 1.1))

    def passage(self, tokens: Sequence[str]) -> Weights:
        """The term-frequency half of BM25 (Robertson and Zaragoza 2009)."""
        counts = Counter(map(token_id, tokens))
        norm = K1 * (1 - B + B * counts.total() / self.average)
        return Weights(list(counts), [count * (K1 + 1) / (count + norm) for count in counts.values()])

    def question(self, tokens: Sequence[str]) -> Weights:
        """
        Each word's share of what the question says, by rarity: the dot product with a passage is then its coverage.

        A word that stands in no passage keeps its share, so that few shared words never look like an answer.
        """
        ids = {token_id(token) for token in tokens}
        rarity = {id_: self._rarity(id_) for id_ in ids}
        known = sorted((id_ for id_ in ids if id_ in self._frequencies), key=lambda id_: (-rarity[id_], id_))[:MOST]
        whole = sum(rarity.values())
        return Weights(known, [rarity[id_] / whole for id_ in known])

    def rarity(self, word: str) -> float:
        """Its inverse document frequency; 0 for a word that stands in no passage."""
        id_ = token_id(word)
        return self._rarity(id_) if id_ in self._frequencies else 0.0

    def _rarity(self, id_: int) -> float:
        count = self._frequencies.get(id_, 0)
        return math.log(1 + (self._texts - count + 0.5) / (count + 0.5))
