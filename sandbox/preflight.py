"""Before the first step every row is encoded and checked: a broken training set is refused, not trained on."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from governance.errors import Invalid
from rag.company import Bilingual
from sandbox.base import Base
from sandbox.chat import Chat, Turn
from sandbox.findings import Finding, Findings, Part, excerpt
from sandbox.machine import MIB, training_disk_mib
from sandbox.recipe import Recipe
from sandbox.rows import Given, pair, wrong_roles
from sandbox.wording import LONGEST, garbled_at

IGNORED = -100  # the label of a position that teaches nothing
ORIGIN = "origin.json"  # beside the checkpoints: which base and template they belong to
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


def preflight(
    base: Base,
    chat: Chat,
    train: Sequence[Pair],
    heldout: Sequence[Pair],
    recipe: Recipe,
    work: Path,
    *,
    needed: Sequence[Pair] | None = None,
) -> Checked:
    """
    What `fit` asks before its first step: the rows, both sides against each other, the base, the disk.

    `needed` are the rows of `train` that the steps will see. Raises Invalid with everything that was found.
    """
    rows = [[pair(at, *each) for at, each in enumerate(part, start=1)] for part in (train, heldout)]
    findings = Findings()
    findings.add(inspect(rows[0], rows[1]))
    findings.add(wrong_origin(work, base, chat))
    findings.add(small_disk(work, training_disk_mib(base.folder, recipe.rank, keeps_best=recipe.patience > 0)))
    findings.refuse()
    checked = check_rows(
        chat, train if needed is None else needed, heldout[: recipe.heldout_rows], max_tokens=recipe.max_tokens
    )
    _keep_origin(work, base, chat)
    return checked


def inspect(train: Sequence[Given], heldout: Sequence[Given]) -> Iterator[Finding]:
    """What is wrong with the texts alone; needs no model."""
    yield from _missing(train, heldout)
    for part, rows in _sides(train, heldout):
        for row in rows:
            yield from inspect_row(row, part)
    yield from on_both_sides(train, heldout)


def on_both_sides(train: Sequence[Given], heldout: Sequence[Given]) -> Iterator[Finding]:
    """Held-out rows that are trained on: their loss would show learning by heart as success."""
    seen = {row.turns: row.number for row in train}
    for row in heldout:
        if row.turns in seen:
            zh = f"与训练集第 {seen[row.turns]} 行相同，请从一侧删除"
            en = f"equals training row {seen[row.turns]}; delete it on one side"
            yield Finding("split", Bilingual(zh=zh, en=en), "heldout", row.number, _first(row.turns))


def inspect_row(row: Given, part: Part) -> Iterator[Finding]:
    """Roles, size, wording and answer of one row."""
    shown = _first(row.turns)
    if (reason := wrong_roles(row.turns)) is not None:
        yield Finding("roles", reason, part, row.number, shown)
        return
    for _, text in row.turns:
        if len(text) > LONGEST:
            zh = f"有 {len(text):,} 个字符，请拆成单独的问答"
            en = f"has {len(text):,} characters; split it into questions and answers"
            yield Finding("enormous", Bilingual(zh=zh, en=en), part, row.number, shown)
        elif (at := garbled_at(text)) is not None:
            zh, en = "请用正确的编码重新导出来源文件", "export its source again in the right encoding"
            yield Finding("garbled", Bilingual(zh=zh, en=en), part, row.number, excerpt(text, at))
    if any(role == "assistant" and not text.strip() for role, text in row.turns):
        zh, en = "没有答案，请补上答案或删除此行", "has no answer; add it or delete the row"
        yield Finding("masked", Bilingual(zh=zh, en=en), part, row.number, shown)


def inspect_tokens(chat: Chat, turns: Sequence[Turn], part: Part, number: int | None) -> Finding | Row:
    """The encoded row, or why it would teach wrongly: control tokens, no stop token, other tokens than in serving."""
    for _, text in turns:
        if (found := chat.control.search(text)) is not None:
            zh, en = "请从来源中删除它", "delete it in the source"
            return Finding("control", Bilingual(zh=zh, en=en), part, number, excerpt(text, found.start()))
    before, after = chat.prompt_ids(list(turns[:-1])), chat.answer_ids(turns[-1][1])
    shown = _first(turns)
    if len(after) < 2:
        zh, en = "没有答案，请补上答案或删除此行", "has no answer; add it or delete the row"
        return Finding("masked", Bilingual(zh=zh, en=en), part, number, shown)
    whole = chat.tokenizer(chat.render(list(turns), open_answer=False), add_special_tokens=False).input_ids
    apart = [*before, *after]
    if after[-1] not in chat.stops or (whole[: len(apart) - 1] == apart[:-1] and whole[: len(apart)] != apart):
        zh = "对话模板没有在答案后写结束符，模型将不会停下；请换用指令模型"
        en = "the chat template writes no stop token after the answer, the model would never stop; use a chat model"
        return Finding("stop", Bilingual(zh=zh, en=en), part, number, shown)
    if whole[: len(apart)] != apart:
        zh, en = (
            "词元与服务时不同，请换用其他基础模型",
            "its tokens differ from serving; use another base model",
        )
        return Finding("template", Bilingual(zh=zh, en=en), part, number, shown)
    return Row(tuple(apart), (*[IGNORED] * len(before), *after))


def check_rows(chat: Chat, train: Sequence[Pair], heldout: Sequence[Pair], *, max_tokens: int) -> Checked:
    """Raises Invalid with the reasons; rows above `max_tokens` are left out and named by their beginning."""
    sides = [[pair(at, *each) for at, each in enumerate(part, start=1)] for part in (train, heldout)]
    findings = Findings()
    checked = encode_rows(chat, sides[0], sides[1], findings, max_tokens=max_tokens)
    findings.refuse()
    return checked


def encode_rows(
    chat: Chat, train: Sequence[Given], heldout: Sequence[Given], findings: Findings, *, max_tokens: int
) -> Checked:
    """Every row that can be used; what is wrong with the others is added to `findings`."""
    findings.add(_missing(train, heldout))
    overlong: list[str] = []
    kept: list[list[Row]] = []
    for part, given in _sides(train, heldout):
        rows: list[Row] = []
        long = len(overlong)
        for each in given:
            wrong = list(inspect_row(each, part))
            row = wrong[0] if wrong else inspect_tokens(chat, each.turns, part, each.number)
            if isinstance(row, Finding):
                findings.add(wrong or [row])
            elif len(row.ids) > max_tokens:
                overlong.append(_first(each.turns))
            else:
                rows.append(row)
        if len(overlong) > long and not rows:
            zh, en = f"所有样本都超过 {max_tokens} 个词元", f"every row is longer than {max_tokens} tokens"
            findings.add([Finding("overlong", Bilingual(zh=f"{zh}，请加大上限", en=f"{en}; raise the limit"))])
        kept.append(rows)
    findings.add(_taught(kept[0]))
    content = json.dumps([[row.ids, row.labels] for rows in kept for row in rows], separators=(",", ":"))
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Checked(tuple(kept[0]), tuple(kept[1]), tuple(overlong), supervised(kept[0]), digest, chat.template)


def supervised(rows: Sequence[Row]) -> float:
    """The share of tokens that teach."""
    total = sum(len(row.ids) for row in rows)
    return sum(label != IGNORED for row in rows for label in row.labels) / max(1, total)


def encode(chat: Chat, prompt: str, answer: str) -> Row:
    """Labels only on the answer and on the token that ends it. Raises Invalid for a row that would teach wrongly."""
    found = inspect_tokens(chat, (("user", prompt), ("assistant", answer)), "", None)
    if isinstance(found, Row):
        return found
    shown = found.excerpt
    raise Invalid(
        reason={
            "zh": f"训练集不可用：{found.say('zh')}（{shown}）",
            "en": f"the training set cannot be used: {found.say('en')} ({shown})",
        },
        kinds=(found.kind,),
    )


def wrong_origin(work: Path, base: Base, chat: Chat) -> Iterator[Finding]:
    """Checkpoints of another base or template in the folder of this training."""
    try:
        origin = json.loads((work / ORIGIN).read_text(encoding="utf-8"))
        known, template = str(origin["base"]), str(origin["template"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    yield from other_base(known, template, base.hash, chat)


def other_base(known: str, template: str, base: str, chat: Chat) -> Iterator[Finding]:
    """`known` and `template`: the hashes that a data set, checkpoint or adapter was made for; empty is not checked."""
    if known and known != base:
        zh = f"它属于基础模型 {known[:12]}，现在用的是 {base[:12]}；请换回原来的基础模型，或重新训练"
        en = f"it belongs to base {known[:12]}, this one is {base[:12]}; use that base again, or train anew"
        yield Finding("base", Bilingual(zh=zh, en=en))
    elif template and template != chat.template_hash:
        zh = "对话模板与当时不同；请恢复原来的模板，或重新训练"
        en = "the chat template is not the one of then; restore it, or train anew"
        yield Finding("base", Bilingual(zh=zh, en=en))


def small_disk(folder: Path, needed_mib: float) -> Iterator[Finding]:
    """Against what the checkpoints and the adapter will take."""
    there = next(each for each in (folder, *folder.resolve().parents) if each.exists())
    free = shutil.disk_usage(there).free / MIB
    if free < needed_mib:
        zh = f"需要 {needed_mib:.0f} MB，只剩 {free:.0f} MB；请清理磁盘或更换 XINYAN_HOME"
        en = f"{needed_mib:.0f} MB are needed, {free:.0f} MB are left; free some or move XINYAN_HOME"
        yield Finding("disk", Bilingual(zh=zh, en=en))


def altered(stated: str, found: str) -> Iterator[Finding]:
    """A data set whose samples do not give its name."""
    if stated != found:
        zh = f"样本的校验和是 {found[:12]}，登记的是 {stated[:12]}；请重新生成训练集"
        en = f"its samples give {found[:12]}, its name is {stated[:12]}; build the data set again"
        yield Finding("tampered", Bilingual(zh=zh, en=en))


def _sides(
    train: Sequence[Given], heldout: Sequence[Given]
) -> tuple[tuple[Part, Sequence[Given]], tuple[Part, Sequence[Given]]]:
    return ("train", train), ("heldout", heldout)


def _missing(train: Sequence[Given], heldout: Sequence[Given]) -> Iterator[Finding]:
    if not train:
        yield Finding("empty", Bilingual(zh="请先上传资料", en="add documents first"))
    if not heldout:
        zh, en = "无法评估，请补充资料", "so nothing can be evaluated; add documents"
        yield Finding("no_heldout", Bilingual(zh=zh, en=en))


def _taught(rows: Sequence[Row]) -> Iterable[Finding]:
    share = supervised(rows)
    if rows and not 0.01 <= share <= 0.95:
        zh, en = ("缩短提问", "shorten the prompts") if share < 0.5 else ("补上提问", "add the prompts")
        zh, en = f"有标签的词元占 {share:.1%}，请{zh}", f"{share:.1%} of the tokens are labelled; {en}"
        yield Finding("masked", Bilingual(zh=zh, en=en))


def _keep_origin(work: Path, base: Base, chat: Chat) -> None:
    if not (work / ORIGIN).exists():
        work.mkdir(parents=True, exist_ok=True)
        partial = work / f"{ORIGIN}.{os.getpid()}"
        partial.write_text(json.dumps({"base": base.hash, "template": chat.template_hash}), encoding="utf-8")
        partial.replace(work / ORIGIN)


def _first(turns: Sequence[Turn]) -> str:
    return excerpt(turns[0][1]) if turns else ""
