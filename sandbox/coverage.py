"""What of each document reached the training set, section by section, and why the rest did not."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sandbox.extractive import Text
from sandbox.gates import Quarantined
from sandbox.samples import Sample

NOTHING_TO_ASK = "nothing_to_ask"


def covered(
    texts: Sequence[Text],
    found: Sequence[Sample],
    kept: Collection[str],
    quarantined: Sequence[Quarantined],
    left_out: Mapping[str, str],
) -> list[dict[str, Any]]:
    """
    Of each heading of each document, in reading order: passages, questions found, pairs in the set, and why no more.

    `left_out` counts pairs by reason: a kind of the quarantine, duplicate, near_duplicate, across, mix; and passages of
    which nothing could be asked.
    """
    of_passage: dict[str, list[Sample]] = {}
    for sample in (*found, *(each.sample for each in quarantined)):
        if sample.source:
            of_passage.setdefault(sample.source, []).append(sample)
    caught = {each.sample.id: each.kind for each in quarantined}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for text in texts:
        empty = {"document": text.document, "name": text.name, "section": text.heading}
        row = rows.setdefault(
            (text.document, text.heading), {**empty, "passages": 0, "found": 0, "pairs": 0, "left_out": Counter[str]()}
        )
        ids = {sample.id for sample in of_passage.get(text.source, [])}
        row["passages"] += 1
        row["found"] += len(ids)
        row["pairs"] += sum(id_ in kept for id_ in ids)
        row["left_out"].update(caught.get(id_) or left_out.get(id_, "") for id_ in ids if id_ not in kept)
        row["left_out"][NOTHING_TO_ASK] += not ids
    for row in rows.values():
        row["left_out"] = {reason: count for reason, count in sorted(row["left_out"].items()) if reason and count}
    return list(rows.values())
