"""Examples → the weights of rag/likeness.py: ridge regression, thresholds that hold for authors it has not seen."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embeddings import Vectors
from rag.likeness import GRAMS, LANGUAGES, Example, digest_of, features, meaning
from rag.rule_pack import PACKS

RIDGE = 3.0  # of 0.3, 1 and 3 the one that ranks an unseen author's sentences best
SURE, DOUBTFUL = 0.01, 0.04  # of lawful sentences by an unseen author that are taken for a breach at most
LARGE, PARTS = 0.15, 4  # whose share is larger is left out a quarter at a time: the rest would be another corpus
BATCH = 256
Matrix = NDArray[np.float32]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Fitted:
    """`recall` of an unseen author's breaches at either threshold, with the share of his lawful sentences."""

    arrays: Mapping[str, Any]
    report: Mapping[str, Mapping[str, float]]


def fit(examples: Sequence[Example], vectors: Vectors) -> Fitted:
    """`vectors`: one row per example. Languages are fitted apart; each origin is judged by what the others teach."""
    arrays: dict[str, Any] = {"digest": np.array(digest_of(examples))}
    report: dict[str, Mapping[str, float]] = {}
    for language in LANGUAGES:
        places = [place for place, each in enumerate(examples) if each.language == language]
        own = [examples[place] for place in places]
        middle = vectors[places].mean(axis=0)
        rows = np.stack([features(e.text, vectors[p], middle) for e, p in zip(own, places, strict=True)])
        breaks = np.array([1.0 if each.rule else -1.0 for each in own], np.float32)
        unseen = _unseen(rows, breaks, own)
        sure, doubtful = (_threshold(unseen, own, share) for share in (SURE, DOUBTFUL))
        rules = sorted({each.rule for each in own if each.rule})
        wrong = [place for place, each in enumerate(own) if each.rule]
        said = np.array([[1.0 if own[place].rule == rule else -1.0 for rule in rules] for place in wrong], np.float32)
        arrays |= {
            f"{language}_breaks": _ridge(rows, breaks[:, None])[:, 0],
            f"{language}_rules": np.array(rules),
            f"{language}_of_rule": _ridge(rows[wrong][:, GRAMS:], said).astype(np.float16),
            f"{language}_middle": middle,
            f"{language}_sure": np.array(sure),
            f"{language}_doubtful": np.array(doubtful),
        }
        report[language] = _report(unseen, own, sure, doubtful)
    return Fitted(arrays, report)


def vectors_of(examples: Sequence[Example], kept: Path, on_progress: Progress) -> Vectors:
    """Computed once per sentence and kept in the file `kept`: eight minutes for 8,000 on one core."""
    known: dict[str, Vectors] = {}
    if kept.is_file():
        with np.load(kept, allow_pickle=False) as stored:
            known = dict(zip(map(str, stored["texts"]), stored["vectors"], strict=True))
    missing = [text for text in dict.fromkeys(each.text for each in examples) if text not in known]
    for start in range(0, len(missing), BATCH):
        on_progress("likeness", start, len(missing))
        batch = missing[start : start + BATCH]
        known |= dict(zip(batch, meaning(batch), strict=True))
        keep(kept, known)
    return np.stack([known[each.text] for each in examples]).astype(np.float32)


def keep(path: Path, known: Mapping[str, Vectors]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".part.npz")
    np.savez(scratch, texts=np.array(list(known)), vectors=np.stack(list(known.values())))
    scratch.replace(path)


def write(fitted: Fitted, path: Path = PACKS / "likeness.npz") -> None:
    """Weights as plain arrays: nothing in the file is ever executed."""
    scratch = path.with_suffix(".part.npz")
    np.savez_compressed(scratch, **fitted.arrays)
    scratch.replace(path)


def _ridge(rows: Matrix, wanted: Matrix) -> Matrix:
    """In the dual: as many unknowns as there are sentences."""
    kernel = rows @ rows.T
    kernel[np.diag_indices_from(kernel)] += RIDGE
    return (rows.T @ np.linalg.solve(kernel, wanted)).astype(np.float32)


def _unseen(rows: Matrix, breaks: Matrix, examples: Sequence[Example]) -> Matrix:
    """The score of each example by weights that its author, or of a prolific one this part of his, had no part in."""
    kernel = rows @ rows.T
    written = Counter(each.origin for each in examples)
    parts = np.array(
        [
            f"{e.origin}{place % PARTS if written[e.origin] > LARGE * len(examples) else ''}"
            for place, e in enumerate(examples)
        ]
    )
    scores = np.zeros(len(examples), np.float32)
    for part in np.unique(parts):
        held, taught = np.flatnonzero(parts == part), np.flatnonzero(parts != part)
        inner = kernel[np.ix_(taught, taught)].copy()
        inner[np.diag_indices_from(inner)] += RIDGE
        scores[held] = kernel[np.ix_(held, taught)] @ np.linalg.solve(inner, breaks[taught])
    return scores


def _threshold(scores: Matrix, examples: Sequence[Example], share: float) -> float:
    lawful = np.sort(np.array([s for s, each in zip(scores, examples, strict=True) if not each.rule]))[::-1]
    return float(lawful[int(share * len(lawful))]) if len(lawful) else 1.0


def _report(scores: Matrix, examples: Sequence[Example], sure: float, doubtful: float) -> dict[str, float]:
    wrong = np.array([bool(each.rule) for each in examples])
    found = {"examples": float(len(examples))}
    for name, limit in (("sure", sure), ("doubtful", doubtful)):
        found[f"{name}_recall"] = round(float((scores[wrong] > limit).mean()), 4)
        found[f"{name}_lawful"] = round(float((scores[~wrong] > limit).mean()), 4)
        for origin in sorted({each.origin for each in examples if each.rule}):
            his = wrong & np.array([each.origin == origin for each in examples])
            found[f"{name}_recall_{origin}"] = round(float((scores[his] > limit).mean()), 4)
    return found
