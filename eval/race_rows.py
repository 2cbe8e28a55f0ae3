"""What two training loops race on: questions on the company's Markdown documents, and a small untrained Llama."""

import random
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from eval.jsonl import BadData, read_lines
from eval.training_speed import IGNORED, Encoded

SENTENCE = re.compile(r"[^。！？!?\n]*[。！？!?\n]")
PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def pairs_of(folder: Path) -> list[tuple[str, str]]:
    """The pairs of a folder's `rows.jsonl`."""
    pairs = [
        (row["prompt"], row["answer"]) for _, row in read_lines(folder / "rows.jsonl", {"prompt": str, "answer": str})
    ]
    if len(pairs) < 32:
        raise BadData("rows.jsonl 至少需要 32 行", "rows.jsonl needs 32 lines or more")
    return pairs


def questions(documents: Path, count: int, *, seed: int = 0) -> list[tuple[str, str]]:
    """
    Two to seven sentences of a Markdown file and the wish for about a third of them; the answer stands in the prompt.

    About as the rows that the product makes: 120 tokens on average, a quarter of them taught.
    """
    draw = random.Random(seed)
    texts = [path.read_text(encoding="utf-8") for path in sorted(documents.glob("*.md"))]
    split = [[line for found in SENTENCE.findall(text) if len(line := found.strip(" \n#|-*")) > 8] for text in texts]
    long_enough = [sentences for sentences in split if len(sentences) > 7]
    if not long_enough:
        raise BadData(f"{documents} 中没有可用的 Markdown 文件", f"{documents} holds no Markdown file of use")
    pairs = list[tuple[str, str]]()
    for _ in range(count):
        sentences = draw.choice(long_enough)
        size = draw.randint(2, 7)
        start = draw.randrange(len(sentences) - size + 1)
        count_said = draw.randint(1, -(-2 * size // 3))
        first = draw.randrange(size - count_said + 1)
        said, wanted = sentences[start : start + size], sentences[start + first : start + first + count_said]
        told = "\n".join(said)
        asked = f"资料：\n{told}\n请说出第{first + 1}句到第{first + count_said}句。"
        pairs.append((asked, "".join(wanted)))
    return pairs


def untrained_model(
    folder: Path, texts: Iterable[str], *, layers: int = 8, width: int = 384, words: int = 8000
) -> Path:
    """A Llama with random weights in bfloat16 and a byte-level tokenizer of `texts`, as a folder."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=words // 4, special_tokens=[PAD, START, END], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, pad_token=PAD)
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=words,
        hidden_size=width,
        intermediate_size=width * 8 // 3,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        num_key_value_heads=width // 64 // 3 or 1,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model: Any = LlamaForCausalLM(config)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def heldout_loss(base: Path, adapter: Path, rows: Sequence[Encoded]) -> float:
    """Mean loss per labelled token, in float32 with full logits and without either loop's code."""
    from peft import PeftModel
    from torch.nn.functional import cross_entropy
    from transformers import AutoModelForCausalLM

    with warnings.catch_warnings():  # peft asks transformers for a property that version 6 will drop
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), str(adapter))
    model.eval()
    total, count = 0.0, 0
    with torch.inference_mode():
        for ids, labels in rows:
            logits = model(input_ids=torch.tensor([list(ids)])).logits[0, :-1]
            targets = torch.tensor(list(labels[1:]))
            chosen = targets != IGNORED
            total += float(cross_entropy(logits[chosen].float(), targets[chosen], reduction="sum"))
            count += int(chosen.sum())
    return total / count
