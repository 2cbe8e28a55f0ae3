"""An adapter's folder: weights, configuration, chat template, and the signed card that binds them and names it."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from governance.errors import Corrupt, NotFound, Refused
from governance.ledger import Scalar
from governance.signing import SigningKey, signature, signed_by
from sandbox.recipe import Recipe
from sandbox.samples import Sample, merkle_root

CARD, TEMPLATE, CONFIG, WEIGHTS = "card.json", "chat_template.jinja", "adapter_config.json", "adapter_model.safetensors"
FILES = (CONFIG, WEIGHTS, TEMPLATE)
SIGNATURE, STATEMENT = "card.sig", "release.json"
LARGEST_TEXT = 1024 * 1024  # bytes of a card or a statement
_NAME = re.compile(r"[0-9a-f]{64}")
_CARD, _STATEMENT = "adapter-card", "adapter-release"  # what is signed; one cannot stand for the other


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep_adapter(
    draft: Path, adapters: Path, *, base_hash: str, template: str, detail: Mapping[str, Scalar], key: SigningKey
) -> str:
    """
    Move a folder that peft wrote into `adapters` under its content hash, with template and signed card; returns it.

    The base's local path in adapter_config.json is replaced by the base's hash: it must not leave the machine.
    """
    config = json.loads((draft / CONFIG).read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base_hash
    for field, value in config.items():
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            config[field] = sorted(value)  # peft writes sets in an order that changes from run to run
    (draft / CONFIG).write_text(json.dumps(config, ensure_ascii=False, sort_keys=True, indent=1), encoding="utf-8")
    (draft / TEMPLATE).write_text(template, encoding="utf-8")
    card: dict[str, Any] = {
        "base": base_hash,
        "chat_template": hashlib.sha256(template.encode()).hexdigest(),
        "files": {name: file_sha256(draft / name) for name in FILES},
        **detail,
    }
    text = json.dumps(card, ensure_ascii=False, sort_keys=True, indent=1)
    name = hashlib.sha256(text.encode()).hexdigest()
    adapters.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=adapters) as scratch:
        complete = Path(scratch) / name
        complete.mkdir()
        for file in FILES:
            shutil.copyfile(draft / file, complete / file)
        (complete / CARD).write_text(text, encoding="utf-8")
        (complete / SIGNATURE).write_text(signature(key, _CARD, text.encode()), encoding="ascii")
        for file in complete.iterdir():
            _sync(file)
        if not (adapters / name).exists():
            complete.rename(adapters / name)
    return name


def card_detail(
    dataset: str, used: Sequence[Sample], recipe: Recipe, *, precision: str, stage: str, trainer: str
) -> dict[str, Scalar]:
    """What the card says of the training. Of the records only their number and one hash: ids could be looked up."""
    passports = sorted({passport for sample in used for passport in sample.passports})
    return {
        "dataset": dataset,
        "recipe": recipe.hash,
        "rank": recipe.rank,
        "seed": recipe.seed,
        "precision": "nf4" if recipe.quantized else precision,  # of the frozen base while it was trained
        "stage": stage,
        "trainer": trainer,
        "passports": len(passports),
        "passports_root": merkle_root([hashlib.sha256(each.encode()).hexdigest() for each in passports]),
    }


def verify_adapter(
    folder: Path, name: str, *, base_hash: str, template_hash: str, trusted: frozenset[str]
) -> Mapping[str, Any]:
    """
    The card, when a trusted key signed it and every file is what it says; a pickle is never opened.

    Raises NotFound, Corrupt, or Refused for an adapter that is whole but not signed by one of `trusted`.
    """
    text = read_card(folder, name)
    card: dict[str, Any] = json.loads(text)
    if not isinstance(card.get("files"), dict) or set(card["files"]) != set(FILES):
        raise _corrupt(name, "卡片没有列出全部文件", "its card does not list every file")
    for file in FILES:
        if not (folder / file).is_file() or file_sha256(folder / file) != card["files"][file]:
            raise _corrupt(name, f"{file} 与登记的校验和不符", f"{file} does not match its checksum")
    if not is_signed(folder, text, trusted):
        raise _unsigned(name)
    if card["base"] != base_hash:
        raise _corrupt(name, "它是为另一个基础模型训练的", "it was trained for another base model")
    if card["chat_template"] != template_hash:
        raise _corrupt(name, "对话模板与训练时不同", "the chat template differs from the one it was trained with")
    return card


def read_card(folder: Path, name: str) -> str:
    """The text whose hash is the name, from a folder with nothing but plain files of ours; raises NotFound, Corrupt."""
    if not _NAME.fullmatch(name) or not (folder / CARD).is_file():
        raise _missing(name)
    allowed = {*FILES, CARD, SIGNATURE, STATEMENT}
    if stray := sorted(path.name for path in folder.iterdir() if path.name not in allowed):
        raise _corrupt(name, f"含有不应有的文件 {stray}", f"it holds files that do not belong: {stray}")
    if folder.is_symlink() or any(path.is_symlink() or not path.is_file() for path in folder.iterdir()):
        raise _corrupt(name, "含有链接或文件夹", "it holds a link or a folder")
    if (folder / CARD).stat().st_size > LARGEST_TEXT:
        raise _corrupt(name, "卡片过大", "its card is too large")
    content = (folder / CARD).read_bytes()
    if hashlib.sha256(content).hexdigest() != name:
        raise _corrupt(name, "卡片与名称不符", "its card does not match its name")
    return content.decode()


def copy_verified(folder: Path, card: Mapping[str, Any], target: Path, name: str) -> Path:
    """What is loaded is what was verified: a copy that nobody else writes to, checked once more."""
    for file in FILES:
        shutil.copyfile(folder / file, target / file, follow_symlinks=False)
        if file_sha256(target / file) != card["files"][file]:
            raise _corrupt(name, f"{file} 在载入时被改动", f"{file} changed while it was loaded")
    return target


def is_signed(folder: Path, card: str, trusted: frozenset[str]) -> bool:
    """Whether one of the trusted keys signed the card."""
    path = folder / SIGNATURE
    return path.is_file() and signed_by(card.encode(), _CARD, path.read_bytes(), trusted) is not None


def sign_card(folder: Path, name: str, key: SigningKey) -> None:
    """Sign an adapter of a home from before there were signatures; the caller has verified where it comes from."""
    _place(folder / SIGNATURE, signature(key, _CARD, read_card(folder, name).encode()))


def write_statement(
    folder: Path, name: str, key: SigningKey, *, report: str, state: str, approvers: Sequence[str], at: str
) -> None:
    """The second signature: who approved this adapter, on which report. The card stays as the training wrote it."""
    said = {"adapter": name, "report": report, "state": state, "approvers": sorted(approvers), "at": at}
    text = json.dumps(said, ensure_ascii=False, sort_keys=True)
    signed = {"statement": text, "signature": signature(key, _STATEMENT, text.encode())}
    _place(folder / STATEMENT, json.dumps(signed, ensure_ascii=False, indent=1))


def verify_statement(folder: Path, name: str, *, trusted: frozenset[str]) -> Mapping[str, Any]:
    """What serving asks for besides: the signed approval of this very adapter; raises Refused, NotFound."""
    if not (folder / CARD).is_file():
        raise _missing(name)
    path = folder / STATEMENT
    try:
        if path.is_symlink() or path.stat().st_size > LARGEST_TEXT:
            raise _unapproved(name)
        signed = json.loads(path.read_bytes())
        text, line = str(signed["statement"]), str(signed["signature"])
        said: Mapping[str, Any] = json.loads(text)
        right = said["adapter"] == name and said["state"] == "approved"
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise _unapproved(name) from wrong
    if not right or signed_by(text.encode(), _STATEMENT, line.encode(), trusted) is None:
        raise _unapproved(name)
    return said


def _place(path: Path, text: str) -> None:
    """Whole or not at all; the draft lies outside the adapter's folder, where a stray file would bar it."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent.parent, prefix=".")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(draft).chmod(0o644)
    Path(draft).replace(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _missing(name: str) -> NotFound:
    return NotFound(kind={"zh": "适配器", "en": "adapter"}, name=name[:16])


def _unsigned(name: str) -> Refused:
    return Refused(
        reason={
            "zh": f"适配器 {name[:12]} 没有可信签名，不予载入。"
            f"若它是本机早先训练的，请运行 python -m sandbox sign {name}",
            "en": f"adapter {name[:12]} bears no trusted signature and is not loaded. If this machine trained it "
            f"earlier, run python -m sandbox sign {name}",
        }
    )


def _unapproved(name: str) -> Refused:
    return Refused(
        reason={
            "zh": f"适配器 {name[:12]} 没有已签名的批准书，不能使用。请先由他人批准：python -m sandbox approve {name}",
            "en": f"adapter {name[:12]} has no signed approval and is not served. Have it approved first: "
            f"python -m sandbox approve {name}",
        }
    )


def _corrupt(name: str, zh: str, en: str) -> Corrupt:
    what = {"zh": f"适配器 {name[:12]} ", "en": f"Adapter {name[:12]}"}
    return Corrupt(what=what, reason={"zh": zh, "en": en}, adapter=name)
