"""check: what a training would refuse, before it begins; of the company's own data set or of a file."""

import argparse
from pathlib import Path

from governance.errors import Invalid
from sandbox.chat import open_chat
from sandbox.commands import Commands
from sandbox.findings import Finding, Findings, Part
from sandbox.machine import training_disk_mib
from sandbox.preflight import altered, encode_rows, on_both_sides, small_disk
from sandbox.recipe import parameters_of, recommend, this_machine
from sandbox.rows import Given, pair, read_rows
from sandbox.session import Session

MOST_TOKENS = 8192  # what a recipe may ask for at most


def add(commands: Commands) -> None:
    """`python -m sandbox check [--train FILE --heldout FILE]`: exit code 1 when something was found."""
    check = commands.add_parser("check", help="训练前检查 / what a training would refuse")
    check.add_argument("--train", type=Path, help="JSONL：prompt+answer 或 messages / prompt and answer, or messages")
    check.add_argument("--heldout", type=Path, help="留出的 JSONL / the held-out part")
    check.set_defaults(handle=_check)


def _check(session: Session, asked: argparse.Namespace) -> int:
    from transformers import AutoTokenizer, GenerationConfig

    base = session.base()
    tokenizer = AutoTokenizer.from_pretrained(base.folder, trust_remote_code=False)
    chat = open_chat(tokenizer, GenerationConfig.from_pretrained(base.folder).eos_token_id)
    findings = Findings()
    if asked.train is None:
        train, heldout = _own(session, findings)
    else:
        train, heldout = _read(asked.train, "train", findings), _read(asked.heldout, "heldout", findings)
    findings.add(on_both_sides(train, heldout))
    checked = encode_rows(chat, train, heldout, findings, max_tokens=MOST_TOKENS)
    recipe = recommend(
        len(train), [len(row.ids) for row in checked.train], this_machine(), parameters=parameters_of(base.folder)
    )
    needed = training_disk_mib(base.folder, recipe.rank, keeps_best=recipe.patience > 0)
    findings.add(small_disk(session.settings.home, needed))
    overlong = sum(len(row.ids) > recipe.max_tokens for row in (*checked.train, *checked.heldout))
    print(f"rows={len(train)} heldout={len(heldout)} overlong={overlong} supervised={checked.supervised:.3f}")
    for line in zip(findings.lines("zh"), findings.lines("en"), strict=True):
        print("\n".join(line))
    print(f"findings={sum(findings.counts.values())} kinds={','.join(findings.counts) or '-'}")
    return 1 if findings.counts else 0


def _own(session: Session, findings: Findings) -> tuple[list[Given], list[Given]]:
    from sandbox.dataset import name_of

    dataset = session.dataset()
    findings.add(altered(dataset.hash, name_of(dataset.train, dataset.heldout, dataset.preferences)))
    train, heldout = (
        [pair(at, sample.prompt, sample.answer) for at, sample in enumerate(part, start=1)]
        for part in (dataset.train, dataset.heldout)
    )
    return train, heldout


def _read(path: Path | None, part: Part, findings: Findings) -> list[Given]:
    if path is None:
        return []
    if not path.is_file():
        raise Invalid(reason={"zh": f"找不到文件 {path}", "en": f"there is no file {path}"})
    rows: list[Given] = []
    for each in read_rows(path, part):
        if isinstance(each, Finding):
            findings.add([each])
        else:
            rows.append(each)
    return rows
