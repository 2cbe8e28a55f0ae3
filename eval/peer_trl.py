"""The peer: TRL's SFTTrainer on the rows of a job. `python -m eval.peer_trl JOB RESULT SETTING`."""

import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from torch.optim.lr_scheduler import LambdaLR
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from eval.training_speed import IGNORED, Job, Run, read_job, read_rows, resident_mib, timed, write_run

PLAIN: dict[str, Any] = {"gradient_checkpointing": False}
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},  # bf16 autocast and gradient checkpointing
    "no_checkpointing": PLAIN,
    "fp32": {**PLAIN, "bf16": False},
    "by_length": {**PLAIN, "train_sampling_strategy": "group_by_length"},
    "padding_free": {**PLAIN, "padding_free": True, "max_length": None},
    "packing": {**PLAIN, "packing": True},
}
SAME_STEPS = "same_steps"  # no setting of its own: padding-free, on the very rows of each of our steps


def train_peer(job: Job, setting: str) -> Run:
    """Train with one setting, named as above. Weights in bfloat16 and SDPA were its fastest on two cores."""
    torch.set_num_threads(1)
    rows, size, passes = read_rows(job.rows), job.rows_per_step, job.passes
    options = dict(SETTINGS["padding_free" if setting == SAME_STEPS else setting])
    if setting == SAME_STEPS:
        rows, passes = [rows[at] for at in job.order], 1
        options["train_sampling_strategy"] = "sequential"
    if options.get("packing"):  # one packed row holds as many tokens as a step of the others
        lengths = [len(ids) for ids, _ in rows]
        options["max_length"], size = max(max(lengths), round(size * sum(lengths) / len(lengths))), 1
    tokenizer = AutoTokenizer.from_pretrained(job.base)
    model: Any = AutoModelForCausalLM.from_pretrained(job.base, dtype=torch.bfloat16, attn_implementation="sdpa")
    lora = LoraConfig(r=job.rank, lora_alpha=job.alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    torch.manual_seed(job.seed)
    with tempfile.TemporaryDirectory() as scratch:
        config = SFTConfig(
            output_dir=scratch,
            per_device_train_batch_size=size,
            num_train_epochs=passes,
            learning_rate=job.learning_rate,
            seed=job.seed,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            logging_steps=1,
            disable_tqdm=True,
            dataloader_pin_memory=False,
            **options,
        )
        data = Dataset.from_dict({"input_ids": [ids for ids, _ in rows], "labels": [labels for _, labels in rows]})
        trainer: Any = _Trainer(
            job, model=model, args=config, train_dataset=data, processing_class=tokenizer, peft_config=lora
        )
        before = resident_mib()
        cpu, wall = timed(trainer.train)
        peak = resident_mib("VmHWM")
    trainer.model.save_pretrained(job.adapter)
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    seen = sum(len(ids) for ids, _ in rows) * passes
    supervised = sum(label != IGNORED for _, labels in rows for label in labels) * passes
    return Run(
        name=setting,
        cpu_s=cpu,
        wall_s=wall,
        peak_mib=peak,
        before_mib=before,
        tokens=seen,
        supervised=supervised,
        losses=tuple(float(entry["loss"]) for entry in logged),
        gradients=tuple(float(entry["grad_norm"]) for entry in logged),
    )


class _Trainer(SFTTrainer):
    """With the job's rate for every step; the rest is the peer's own."""

    def __init__(self, job: Job, **options: Any) -> None:
        self._job = job
        super().__init__(**options)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        job = self._job
        chosen: Any = optimizer or self.optimizer
        self.lr_scheduler = LambdaLR(chosen, lambda step: job.rate(step + 1, num_training_steps) / job.learning_rate)
        return self.lr_scheduler


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    write_run(Path(sys.argv[2]), train_peer(read_job(Path(sys.argv[1])), sys.argv[3]))
