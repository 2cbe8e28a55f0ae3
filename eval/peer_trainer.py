"""The peer of suite `resume`: transformers' Trainer with its own resume from the newest checkpoint."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Encoded = tuple[list[int], list[int]]  # ids, labels


def train_or_resume(
    base: Path, rows: Sequence[Encoded], work: Path, on_step: Callable[[int], object], *, steps: int, every: int
) -> str:
    """LoRA over `rows` of (ids, labels), 4 a step; the hash of the adapter's weights."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, PrinterCallback, Trainer, TrainerCallback, TrainingArguments
    from transformers.trainer_utils import get_last_checkpoint

    class Tell(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            on_step(int(state.global_step))

    torch.set_num_threads(1)
    torch.manual_seed(0)
    frozen: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = get_peft_model(frozen, LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"))
    arguments = TrainingArguments(
        output_dir=str(work),
        max_steps=steps,
        per_device_train_batch_size=4,
        learning_rate=5e-4,
        save_steps=every,
        save_total_limit=2,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
        seed=0,
    )
    dataset: Any = _Rows(rows)
    trainer = Trainer(model=model, args=arguments, train_dataset=dataset, data_collator=_padded, callbacks=[Tell()])
    trainer.remove_callback(PrinterCallback)  # it writes to standard output
    newest = get_last_checkpoint(str(work)) if work.is_dir() else None
    trainer.train(resume_from_checkpoint=newest)
    digest = hashlib.sha256()
    for _, weight in sorted(model.named_parameters()):
        if weight.requires_grad:
            digest.update(weight.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


class _Rows:
    def __init__(self, rows: Sequence[Encoded]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: int) -> dict[str, list[int]]:
        ids, labels = self._rows[at]
        return {"input_ids": ids, "labels": labels}


def _padded(rows: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
    import torch

    longest = max(len(row["input_ids"]) for row in rows)
    gaps = [longest - len(row["input_ids"]) for row in rows]
    return {
        "input_ids": torch.tensor([row["input_ids"] + [0] * gap for row, gap in zip(rows, gaps, strict=True)]),
        "labels": torch.tensor([row["labels"] + [-100] * gap for row, gap in zip(rows, gaps, strict=True)]),
        "attention_mask": torch.tensor(
            [[1] * len(row["input_ids"]) + [0] * gap for row, gap in zip(rows, gaps, strict=True)]
        ),
    }
