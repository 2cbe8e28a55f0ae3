"""Cross entropy at assistant positions only, through a frozen head: no logits of other positions, none kept."""

from collections.abc import Sequence
from typing import Any

import torch
from peft.helpers import disable_input_dtype_casting
from torch import Tensor
from torch.nn.functional import cross_entropy, pad

from sandbox.lean import ROWS
from sandbox.preflight import IGNORED

GRAIN = 64
TILE = 2048  # words projected at once: they and their logits stay in the processor's cache


class _HeadLoss(torch.autograd.Function):
    """
    Sum over the positions of -log p(target), with the gradient of the input; the head itself is never trained.

    One pass over the words, tile by tile, with a running maximum, so that no logit is kept: the expected row of the
    head is an attention of the positions over the words. Source: Milakov and Gimelshein, "Online normalizer
    calculation for softmax", 2018.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, real: int) -> Tensor:
        expected = torch.zeros_like(hidden, dtype=torch.float32)
        total, top = expected.new_zeros((len(targets), 1)), expected.new_full((len(targets), 1), -torch.inf)
        own, place = torch.zeros_like(total), targets[:, None].clone()
        for words in weight.split(TILE):
            logits = torch.mm(hidden, words.T).float()  # (positions, words of the tile)
            # the target's logit as rounded as the others, or a certain answer would cost less than nothing
            chosen = logits.gather(1, place.clamp(0, len(words) - 1))
            own = torch.where((place >= 0) & (place < len(words)), chosen, own)
            place -= len(words)
            higher = torch.maximum(top, logits.amax(1, keepdim=True))
            shrink = torch.exp(top - higher)
            chances = logits.sub_(higher).exp_()
            total.mul_(shrink).add_(chances.sum(1, keepdim=True))
            expected.mul_(shrink).add_(torch.mm(chances.to(words.dtype), words))
            top = higher
        right = weight[targets]
        loss = (total.log() + top - own)[:, 0]
        ctx.save_for_backward(expected.div_(total).sub_(right).div_(real)[:real].to(hidden.dtype))
        ctx.shape = hidden.shape
        return loss[:real].mean()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        back = gradient.new_zeros(ctx.shape)
        torch.mul(gradient, outer[0], out=back[: len(gradient)])
        return back, None, None, None


class AssistantLoss:
    """Mean loss per labelled token of a batch. A model with another kind of head takes the way over full logits."""

    def __init__(self, model: Any) -> None:
        self._model, self._base = model, model.get_base_model()
        head = self._base.get_output_embeddings()
        self._weight: Tensor | None = head.weight if _is_plain(self._base, head) else None
        self._half = head.weight.dtype == torch.bfloat16
        self.light = False  # the layers widen and round by themselves

    @property
    def direct(self) -> bool:
        """Whether the head is projected at assistant positions only."""
        return self._weight is not None

    def __call__(self, ids: Tensor, labels: Tensor, mask: Tensor | None, ends: Sequence[int] = ()) -> Tensor:
        """With `ends` the one row holds several, each ending there, and there is no mask."""
        return self.of(self.states(ids, mask, ends), labels)

    def of(self, states: Tensor, labels: Tensor) -> Tensor:
        """What `states` are worth, with a way back to them."""
        targets = labels[:, 1:]
        chosen = targets != IGNORED
        states, targets = states[:, :-1][chosen], targets[chosen]
        if self._weight is None:
            return cross_entropy(states.float(), targets)
        count = len(targets)
        if self.light and (gap := -count % GRAIN):  # a CPU compiles a kernel for each size
            states, targets = pad(states, (0, 0, 0, gap)), pad(targets, (0, gap))
        loss: Any = _HeadLoss.apply(states.to(self._weight.dtype), self._weight, targets, count)
        return loss

    def states(self, ids: Tensor, mask: Tensor | None, ends: Sequence[int] = ()) -> Tensor:
        """What the head reads, (rows, tokens, width); the logits of a head that has to be taken as it is."""
        options = {"input_ids": ids, "use_cache": False, **self._places(mask, ends)}
        if self.light or not self._half:
            return self._last(options)
        # bfloat16 base: the adapter's float32 weights are rounded on the fly, or every layer would widen its input
        with (
            torch.autocast(ids.device.type, torch.bfloat16, cache_enabled=False),
            disable_input_dtype_casting(self._model),
        ):
            return self._last(options)

    def _last(self, options: dict[str, Any]) -> Tensor:
        if self._weight is None:
            return self._model(**options).logits
        return self._base.get_decoder()(**options).last_hidden_state

    def _places(self, mask: Tensor | None, ends: Sequence[int]) -> dict[str, Any]:
        if not ends:
            return {"attention_mask": mask}
        device = self._base.get_input_embeddings().weight.device
        places = [torch.arange(end - start) for start, end in zip((0, *ends[:-1]), ends, strict=True)]
        options = {"position_ids": torch.cat(places)[None].to(device)}  # they start again with every row
        return options | ({"cu_seq_lens_q": tuple(ends)} if self._base.config._attn_implementation == ROWS else {})


def _is_plain(base: Any, head: Any) -> bool:
    """A frozen linear head without bias, and logits that nothing scales or caps."""
    scaled = any(
        getattr(base.config, name, None) for name in ("final_logit_softcapping", "logit_scale", "logits_scaling")
    )
    frozen = {name: weight.requires_grad for name, weight in head.named_parameters()} == {"weight": False}
    return type(head) is torch.nn.Linear and frozen and not scaled and hasattr(base, "get_decoder")
