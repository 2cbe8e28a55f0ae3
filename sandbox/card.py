"""An adapter's folder: weights, configuration, chat template and a card that binds them, whose hash is the name."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from governance.errors import Corrupt, NotFound
from governance.ledger import Scalar

CARD, TEMPLATE, CONFIG, WEIGHTS = "card.json", "chat_template.jinja", "adapter_config.json", "adapter_model.safetensors"
FILES = (CONFIG, WEIGHTS, TEMPLATE)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep_adapter(draft: Path, adapters: Path, *, base_hash: str, template: str, detail: Mapping[str, Scalar]) -> str:
    """
    Move a folder that peft wrote into `adapters` under its content hash, with template and card; returns the hash.

    The base's local path in adapter_config.json is replaced by the base's hash: it must not leave the machine.
    """
    config = json.loads((draft / CONFIG).read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base_hash
    for key, value in config.items():
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            config[key] = sorted(value)  # peft writes sets in an order that changes from run to run
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
            _sync(complete / file)
        (complete / CARD).write_text(text, encoding="utf-8")
        _sync(complete / CARD)
        if not (adapters / name).exists():
            complete.rename(adapters / name)
    return name


def verify_adapter(folder: Path, name: str, *, base_hash: str, template_hash: str) -> Mapping[str, Any]:
    """The card, when every file is what it says. Raises NotFound or Corrupt; a pickle is never opened."""
    if not (folder / CARD).is_file():
        raise NotFound(kind={"zh": "适配器", "en": "adapter"}, name=name[:16])
    text = (folder / CARD).read_text(encoding="utf-8")
    if hashlib.sha256(text.encode()).hexdigest() != name:
        raise _corrupt(name, "卡片与名称不符", "its card does not match its name")
    card: dict[str, Any] = json.loads(text)
    present = {path.name for path in folder.iterdir()}
    if stray := present - {*FILES, CARD}:
        raise _corrupt(name, f"含有不应有的文件 {sorted(stray)}", f"it holds files that do not belong: {sorted(stray)}")
    for file in FILES:
        if file not in present or file_sha256(folder / file) != card["files"].get(file):
            raise _corrupt(name, f"{file} 与登记的校验和不符", f"{file} does not match its checksum")
    if card["base"] != base_hash:
        raise _corrupt(name, "它是为另一个基础模型训练的", "it was trained for another base model")
    if card["chat_template"] != template_hash:
        raise _corrupt(name, "对话模板与训练时不同", "the chat template differs from the one it was trained with")
    return card


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _corrupt(name: str, zh: str, en: str) -> Corrupt:
    what = {"zh": f"适配器 {name[:12]} ", "en": f"Adapter {name[:12]}"}
    return Corrupt(what=what, reason={"zh": zh, "en": en}, adapter=name)
