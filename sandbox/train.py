"""LoRA, alone or with other processes: deterministic for a seed, resumes after a kill, stops when it gets no better."""

import hashlib
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from transformers.utils.logging import disable_progress_bar

from governance.errors import Unavailable
from sandbox.base import Base
from sandbox.chat import Chat, open_chat
from sandbox.engine import device, fast_dtype, quiet
from sandbox.loop import Loop, Point, give_back_memory
from sandbox.packing import batch
from sandbox.parallel import ALONE, Parallel
from sandbox.preflight import Checked, Pair, preflight
from sandbox.recipe import Recipe

__all__ = ["Point", "batch", "fit", "give_back_memory", "open_model", "pick"]


def fit(
    base: Base,
    train: Sequence[Pair],
    heldout: Sequence[Pair],
    recipe: Recipe,
    work: Path,
    *,
    threads: int,
    on_point: Callable[[Point], None],
    should_stop: Callable[[], bool] = lambda: False,
    parallel: Parallel = ALONE,
) -> tuple[Path, Checked]:
    """
    Train an adapter; returns the folder that peft wrote and what was trained on. `work` holds the checkpoints.

    Called again after a kill it goes on from the newest whole checkpoint. Of several processes only the main one
    writes, reports, and is asked whether to stop. Raises Invalid (rows), Conflict (stopped), Unavailable (hardware).
    """
    disable_progress_bar()
    torch.set_num_threads(max(1, threads))
    model, chat = open_model(base, recipe)
    needed = pick(train, recipe.steps * recipe.rows_per_step, recipe.seed)
    checked = preflight(base, chat, train, heldout, recipe, work, needed=needed)
    fingerprint = hashlib.sha256(f"{base.hash}{recipe.hash}{checked.hash}".encode()).hexdigest()
    parallel.prepare(model)
    loop = Loop(model, recipe, checked, pad=chat.pad, work=work, fingerprint=fingerprint, parallel=parallel)
    loop.steps(on_point, should_stop)
    draft = work / "draft"
    if parallel.main:
        model.save_pretrained(draft, safe_serialization=True)
    parallel.wait()
    return draft, checked


def open_model(base: Base, recipe: Recipe, *, every_layer: bool = False) -> tuple[Any, Chat]:
    """
    The frozen base with a fresh adapter in float32, and its tokenizer. Raises Unavailable.

    The lower third of the layers carries no adapter unless asked for: nothing flows back through it.
    """
    if recipe.quantized and not torch.cuda.is_available():
        what = {"zh": "4 比特量化训练", "en": "Training over a base in 4 bits"}
        raise Unavailable(what=what, remedy={"zh": "需要显卡，请关闭该选项", "en": "it needs a GPU; turn it off"})
    tokenizer = AutoTokenizer.from_pretrained(base.folder, trust_remote_code=False)
    options: dict[str, Any] = {"attn_implementation": recipe.attention, "dtype": fast_dtype()}
    if recipe.quantized:
        options["device_map"] = {"": device()}
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=fast_dtype()
        )
    try:
        frozen: Any = AutoModelForCausalLM.from_pretrained(
            base.folder, trust_remote_code=False, use_safetensors=True, **options
        )
    except ImportError as missing:  # flash_attention_2 or bitsandbytes
        what = {"zh": "所选的注意力或量化实现", "en": "The chosen attention or quantization"}
        raise Unavailable(what=what, remedy=str(missing)[:300]) from missing
    torch.manual_seed(recipe.seed)
    layers = int(frozen.config.num_hidden_layers)
    lora = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=0.0,
        target_modules=_linear_names(frozen),
        layers_to_transform=list(range(0 if every_layer else layers // 3, layers)),
        task_type="CAUSAL_LM",
    )
    with quiet():
        model: Any = get_peft_model(frozen if recipe.quantized else frozen.to(device()), lora)
    if recipe.compile:
        for layer in frozen.get_decoder().layers:
            layer.compile(dynamic=True)  # layer by layer: one graph serves all of them
    return model, open_chat(tokenizer, frozen.generation_config.eos_token_id)


def pick(pairs: Sequence[Pair], count: int, seed: int) -> list[Pair]:
    """As many as the steps will see, drawn at random; all when there are fewer."""
    return random.Random(seed).sample(list(pairs), min(count, len(pairs)))


def _linear_names(model: Any) -> list[str]:
    """Last parts of the names of all linear modules but the head."""
    head = model.get_output_embeddings()
    parts = [(name.rsplit(".", 1)[-1], part) for name, part in model.named_modules()]
    linear = {name for name, part in parts if isinstance(part, torch.nn.Linear)}
    return sorted(linear - {name for name, part in parts if part is head})
