"""How likely a model holds each of many strings that differ in one place: one forward pass over their common tree."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from sandbox.base import Base
from sandbox.chat import Chat, open_chat
from sandbox.engine import device, fast_dtype, keep_head_contiguous, quiet

CHUNK = 128  # places of the tree whose next token is looked at together: 262,144 words in float32 are 134 MB

Path_ = tuple[int, ...]  # tokens after what all candidates begin with


@dataclass(frozen=True, slots=True)
class Candidates:
    """Tokens: what they all begin with, prompt included, and where each goes on until they are the same again."""

    lead: tuple[int, ...]
    ways: tuple[Path_, ...]


class Scorer:
    """A base, with an adapter as peft wrote it or without. Not for serving: nothing is verified."""

    def __init__(self, base: Base, adapter: Path | None, *, threads: int) -> None:
        disable_progress_bar()
        torch.set_num_threads(max(1, threads))
        tokenizer = AutoTokenizer.from_pretrained(base.folder, trust_remote_code=False)
        model: Any = AutoModelForCausalLM.from_pretrained(
            base.folder,
            dtype=fast_dtype(),
            attn_implementation="eager",
            trust_remote_code=False,
            use_safetensors=True,
        )
        self._chat: Chat = open_chat(tokenizer, model.generation_config.eos_token_id)
        keep_head_contiguous(model)
        if adapter is not None:
            with quiet():
                model = PeftModel.from_pretrained(model, str(adapter), autocast_adapter_dtype=False)
        self._model: Any = model.to(device()).eval()

    def candidates(self, prompt: str, answers: Sequence[str]) -> Candidates:
        """The answers as tokens, cut to where they differ."""
        texts = [self._chat.clean(answer).strip() for answer in answers]
        rows = [tuple(row) for row in self._chat.tokenizer(texts, add_special_tokens=False).input_ids]
        start = _common(rows)
        end = _common([row[start:][::-1] for row in rows])
        before = self._chat.prompt_ids([("user", prompt)])
        return Candidates((*before, *rows[0][:start]), tuple(row[start : len(row) - end] for row in rows))

    @torch.inference_mode()
    def weigh(self, found: Candidates) -> tuple[list[float], Path_]:
        """The log-probability of every way, and the one that greedy decoding takes, as far as the tree goes."""
        places = sorted({way[:length] for way in found.ways for length in range(len(way))})
        nexts: dict[Path_, dict[int, float]] = {place: {} for place in places}
        for way in found.ways:
            for length in range(len(way)):
                nexts[way[:length]][way[length]] = 0.0
        best: dict[Path_, int] = {}
        for start in range(0, len(places), CHUNK):
            part = places[start : start + CHUNK]
            for place, row in zip(part, self._next(found.lead, part), strict=True):
                tokens = list(nexts[place])
                total = torch.logsumexp(row, dim=-1)
                nexts[place] = dict(zip(tokens, (row[tokens] - total).tolist(), strict=True))
                best[place] = int(row.argmax())
        scores = [sum(nexts[way[:length]][way[length]] for length in range(len(way))) for way in found.ways]
        taken: Path_ = ()
        while taken in best:
            taken = (*taken, best[taken])
        return scores, taken

    def _next(self, lead: Path_, places: Sequence[Path_]) -> Tensor:
        """Logits after each place, (places, words). A token sees its way and all of the lead, also past a window."""
        wanted = {place[:length] for place in places for length in range(1, len(place) + 1)}
        nodes = sorted(wanted)
        at = {node: len(lead) + number for number, node in enumerate(nodes)}
        size = len(lead) + len(nodes)
        seen = torch.zeros((size, size), dtype=torch.bool)
        seen[: len(lead), : len(lead)] = torch.ones((len(lead), len(lead)), dtype=torch.bool).tril()
        for node, row in at.items():
            seen[row, : len(lead)] = True
            seen[row, [at[node[:length]] for length in range(1, len(node) + 1)]] = True
        dtype = self._model.dtype
        mask = torch.zeros((size, size), dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)[None, None]
        ids = torch.tensor([[*lead, *(node[-1] for node in nodes)]])
        positions = torch.tensor([[*range(len(lead)), *(len(lead) + len(node) - 1 for node in nodes)]])
        logits: Tensor = self._model(
            input_ids=ids.to(device()),
            attention_mask=mask.to(device()),
            position_ids=positions.to(device()),
            use_cache=False,
            logits_to_keep=len(nodes) + 1,  # the last token of the lead, then the nodes
        ).logits[0]
        rows = [at[place] - len(lead) + 1 if place else 0 for place in places]
        return logits[rows].float()


def _common(rows: Sequence[Path_]) -> int:
    """How many tokens all of them begin with; one at least stays to differ in."""
    shortest = min(map(len, rows))
    for place in range(shortest):
        if len({row[place] for row in rows}) > 1:
            return place
    return shortest
