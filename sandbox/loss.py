"""Cross entropy at assistant positions only, through a frozen head: half the time and memory of full logits."""

from typing import Any

import torch
from peft.helpers import disable_input_dtype_casting
from torch import Tensor
from torch.nn.functional import cross_entropy

from sandbox.preflight import IGNORED

CHUNK = 128  # positions projected at once: 262,144 words in float32 are 134 MB


class _HeadLoss(torch.autograd.Function):
    """Projects chunk by chunk into two kept buffers, the gradient with it; the head itself is never trained."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, narrow: Tensor, wide: Tensor) -> Tensor:
        count, gradient = len(targets), torch.empty_like(hidden)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, count, CHUNK):
            part, target = hidden[start : start + CHUNK], targets[start : start + CHUNK, None]
            logits, low = wide[: len(part)], narrow[: len(part)]  # (positions, words)
            torch.mm(part, weight.T, out=low)
            logits.copy_(low)
            right = logits.gather(1, target)
            top = logits.amax(1, keepdim=True)
            total_exp = logits.sub_(top).exp_().sum(1, keepdim=True)
            total += (total_exp.log() + top - right).sum()
            low.copy_(logits)
            expected = torch.mm(low, weight).float() / total_exp
            gradient[start : start + CHUNK] = (expected - weight[target[:, 0]].float()) / count
        ctx.save_for_backward(gradient)
        return total / count

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * outer[0].to(gradient.dtype), None, None, None, None


class AssistantLoss:
    """Mean loss per labelled token of a batch. A model with another kind of head takes the way over full logits."""

    def __init__(self, model: Any) -> None:
        self._model, self._base = model, model.get_base_model()
        head = self._base.get_output_embeddings()
        self._weight: Tensor | None = head.weight if _is_plain(self._base, head) else None
        self._half = head.weight.dtype == torch.bfloat16
        if self._weight is not None:  # pyright: ignore[reportUnnecessaryComparison]
            shape = (CHUNK, self._weight.shape[0])
            self._narrow = torch.empty(shape, dtype=self._weight.dtype, device=self._weight.device)
            self._wide = torch.empty(shape, dtype=torch.float32, device=self._weight.device)

    @property
    def direct(self) -> bool:
        """Whether the head is projected at assistant positions only."""
        return self._weight is not None

    def __call__(self, ids: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        # bfloat16 base: the adapter's float32 weights are rounded on the fly, or every layer would widen its input
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=self._half, cache_enabled=False):
            if not self._half:
                return self._loss(ids, labels, mask)
            with disable_input_dtype_casting(self._model):
                return self._loss(ids, labels, mask)

    def _loss(self, ids: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        targets = labels[:, 1:]
        labelled = targets != IGNORED
        if self._weight is None:
            logits = self._model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
            return cross_entropy(logits[labelled].float(), targets[labelled])
        hidden = self._base.get_decoder()(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state[:, :-1]
        wanted = hidden[labelled].to(self._weight.dtype)
        loss: Tensor = _HeadLoss.apply(wanted, self._weight, targets[labelled], self._narrow, self._wide)  # pyright: ignore[reportAssignmentType]
        return loss


def _is_plain(base: Any, head: Any) -> bool:
    """A frozen linear head without bias, and logits that nothing scales or caps."""
    scaled = any(
        getattr(base.config, name, None) for name in ("final_logit_softcapping", "logit_scale", "logits_scaling")
    )
    frozen = {name: weight.requires_grad for name, weight in head.named_parameters()} == {"weight": False}
    return type(head) is torch.nn.Linear and frozen and not scaled and hasattr(base, "get_decoder")
