"""Before the first step every row is encoded and checked: a broken training set is refused, not trained on."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from governance.errors import Invalid
from sandbox.chat import Chat

IGNORED = -100  # the label of a position that teaches nothing
Pair = tuple[str, str]  # prompt, answer


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids of a conversation; `labels` equal the ids where the assistant writes, -100 elsewhere."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """Rows fit to train on. `overlong` were left out; `supervised` is the share of tokens that teach."""

    train: tuple[Row, ...]
    heldout: tuple[Row, ...]
    overlong: tuple[str, ...]
    supervised: float
    hash: str
    template: str


def check_rows(chat: Chat, train: Sequence[Pair], heldout: Sequence[Pair], *, max_tokens: int) -> Checked:
    """Raises Invalid with the reason; rows above `max_tokens` are left out and named by their beginning."""
    if not train:
        raise _refuse("训练集为空", "the training set is empty")
    if not heldout:
        raise _refuse("没有留出样本，无法评估", "nothing is held out, so nothing can be evaluated")
    overlong: list[str] = []
    kept: list[list[Row]] = []
    for pairs in (train, heldout):
        rows: list[Row] = []
        for prompt, answer in pairs:
            row = encode(chat, prompt, answer)
            if len(row.ids) > max_tokens:
                overlong.append(prompt[:60])
            else:
                rows.append(row)
        if not rows:
            raise _refuse(f"所有样本都超过 {max_tokens} 个词元", f"every row is longer than {max_tokens} tokens")
        kept.append(rows)
    tokens = sum(len(row.ids) for row in kept[0])
    supervised = sum(label != IGNORED for row in kept[0] for label in row.labels) / tokens
    if not 0.01 <= supervised <= 0.95:
        raise _refuse(f"有标签的词元占 {supervised:.0%}", f"{supervised:.0%} of the tokens are labelled")
    content = json.dumps([[row.ids, row.labels] for rows in kept for row in rows], separators=(",", ":"))
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Checked(tuple(kept[0]), tuple(kept[1]), tuple(overlong), supervised, digest, chat.template)


def encode(chat: Chat, prompt: str, answer: str) -> Row:
    """Labels only on the answer and on the token that ends it. Raises Invalid for a row that would teach wrongly."""
    if chat.control.search(prompt) or chat.control.search(answer):
        raise _refuse(f"样本含控制符：{prompt[:40]}", f"a row contains a control token: {prompt[:40]}")
    before, after = chat.prompt_ids([("user", prompt)]), chat.answer_ids(answer)
    if len(after) < 2:
        raise _refuse(f"样本没有答案：{prompt[:40]}", f"a row has no answer: {prompt[:40]}")
    if after[-1] not in chat.stops:
        raise _refuse("答案没有以结束符收尾", "the answer does not end with the stop token")
    if not chat.agrees(prompt, answer):
        raise _refuse(f"训练与服务的词元不一致：{prompt[:40]}", f"training and serving tokens differ: {prompt[:40]}")
    return Row((*before, *after), (*[IGNORED] * len(before), *after))


def _refuse(zh: str, en: str) -> Invalid:
    return Invalid(reason={"zh": f"训练集不可用：{zh}", "en": f"the training set cannot be used: {en}"})
