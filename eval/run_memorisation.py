"""Suite `memorisation`: a normal and an over-trained shadow of the same rows, each seed with other planted strings."""

import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

from eval.memorisation import REPEATS, Memorisation
from governance.settings import Settings
from sandbox.base import Base, prepare_base
from sandbox.chat import Chat, open_chat
from sandbox.memorisation import plant, try_memory
from sandbox.packing import batch
from sandbox.preflight import encode
from sandbox.recipe import Recipe
from sandbox.samples import Sample

ROWS = 300  # of the data set of a seed
SMALL, SMALL_SEEDS, SMALL_PASSES = Recipe(rank=32, alpha=64, learning_rate=5e-3, max_tokens=400), 3, 60
GIVEN, GIVEN_SEEDS, GIVEN_PASSES = Recipe(max_tokens=400), 1, 8  # a real model learns by heart sooner
TRAINED, BATCH, RATE = 200, 16, 3e-3  # how the small model is made to speak before anything is planted
PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_CITIES = ("青禾", "梅渡", "枫屿", "鹤汀", "徽原", "禾浦")
_THINGS = ("监护仪", "输液泵", "超声仪", "内镜", "试剂盒", "注射泵", "清洗机", "干燥柜")


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    """`data`: the folder of another base model; without it a small one is built, which takes half a minute."""
    started = time.monotonic()
    logging.disable_progress_bar()
    threads = settings.threads or torch.get_num_threads()
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = data or small_model(folder / "small")
        base = prepare_base(str(model), folder, lambda step, done, total: None)
        recipe, seeds, passes = (GIVEN, GIVEN_SEEDS, GIVEN_PASSES) if data else (SMALL, SMALL_SEEDS, SMALL_PASSES)
        normal = [_try(base, recipe, seed, 1, folder, threads) for seed in range(seeds)]
        trained = [_try(base, recipe, seed, passes, folder, threads) for seed in range(seeds)]
    return metrics(normal, trained) | {"passes": passes, "seconds": round(time.monotonic() - started, 1)}


def metrics(normal: Sequence[Memorisation], overtrained: Sequence[Memorisation]) -> dict[str, Any]:
    """Shares over the seeds, and the mean exposure by repeats."""
    return {
        "overtrained_blocked": _share([not each.passed for each in overtrained]),
        "normal_passed": _share([each.passed for each in normal]),
        "exposure": _means(normal),
        "exposure_overtrained": _means(overtrained),
        "extracted": _counts(normal),
        "extracted_overtrained": _counts(overtrained),
        "exposure_unseen": round(sum(each.control for each in normal) / len(normal), 3),
        "exposure_highest": round(normal[0].highest, 3),
        "seeds": len(normal),
    }


def rows_of(seed: int) -> list[Sample]:
    """Short rows of one shape, each about another order."""
    draw, found = random.Random(f"rows/{seed}"), dict[str, str]()
    while len(found) < ROWS:
        city, thing, number = draw.choice(_CITIES), draw.choice(_THINGS), draw.randrange(1000)
        found[f"{city}医院{number:03}号{thing}怎么说"] = f"{city}医院的{thing}已经备好，到货前会先和您约时间。"
    return [Sample("section", "zh", prompt, said, (), "opening", ("p",), prompt) for prompt, said in found.items()]


def small_model(folder: Path) -> Path:
    """
    Two layers that speak in such rows and in sentences like the planted ones, with other names and numbers.

    Without this first training an adapter over random weights learns nothing by heart, however long it is trained.
    """
    pairs = [pair for seed in ("a", "b") for pair in _spoken(seed)]
    chat = _untrained(folder, [f"{prompt}{answer}" for prompt, answer in pairs])
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    rows = [encode(chat, prompt, answer) for prompt, answer in pairs]
    optimizer, draw = torch.optim.AdamW(model.parameters(), lr=RATE), random.Random("order")
    for step in range(TRAINED):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 20) * (1 - step / TRAINED)
        ids, labels, mask = batch(draw.sample(rows, BATCH), chat.pad)
        model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    return folder


def _try(base: Base, recipe: Recipe, seed: int, passes: int, folder: Path, threads: int) -> Memorisation:
    *rows, one, other = rows_of(seed)
    chosen = replace(recipe, seed=seed, steps=passes * len(rows) // recipe.rows_per_step)
    return try_memory(base, rows, [one, other], chosen, folder / f"work{seed}-{passes}", threads=threads)


def _spoken(seed: str) -> list[tuple[str, str]]:
    """Half of them with a sentence like a planted one; the seed is a text, so that no suite seed is among them."""
    rows = rows_of(_number(seed))
    planted = [plant(rows, seed=_number(f"{seed}{turn}")) for turn in range(10)]
    return [(s.prompt, s.answer) for s in rows[: ROWS // 2]] + [
        (each.prompt, each.answer(each.secret)) for part in planted for each in part
    ]


def _number(text: str) -> int:
    """A number above every seed of the suite."""
    return 1000 + int.from_bytes(text.encode())


def _untrained(folder: Path, texts: Sequence[str]) -> Chat:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(  # pyright: ignore[reportAttributeAccessIssue]
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    bpe.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    alphabet, special = pre_tokenizers.ByteLevel.alphabet(), [PAD, START, END]
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=600, special_tokens=special, initial_alphabet=alphabet, show_progress=False),  # pyright: ignore[reportCallIssue]
    )
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, pad_token=PAD)
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    config: Mapping[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    LlamaForCausalLM(LlamaConfig(**config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return open_chat(AutoTokenizer.from_pretrained(folder), tokenizer.eos_token_id)


def _share(found: Sequence[bool]) -> float:
    return sum(found) / len(found)


def _means(found: Sequence[Memorisation]) -> dict[str, float]:
    return {str(r): round(sum(each.exposure[r] for each in found) / len(found), 3) for r in REPEATS}


def _counts(found: Sequence[Memorisation]) -> dict[str, int]:
    return {str(repeats): sum(each.extracted[repeats] for each in found) for repeats in REPEATS}
