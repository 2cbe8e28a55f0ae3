"""The arithmetic of common layers with fewer copies: the same up to rounding, proven on the model itself."""

from collections.abc import Callable, Sequence
from functools import cache
from types import MethodType
from typing import Any

import torch
from peft.tuners.lora.layer import Linear as AdaptedLinear
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, silu
from transformers import AttentionInterface

ROWS = "xinyan_rows"  # the attention over packed rows, as transformers knows it
NEGATIVE = -1e30
GRAIN = 64
ROUNDING = {torch.float32: 1e-5, torch.bfloat16: 2e-3, torch.float16: 5e-4}  # of the same formula in one layer


class _Adapted(torch.autograd.Function):
    """A frozen linear layer with its adapter: no scaled, widened or summed copy of the output."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        down, up = a.to(x.dtype), (b * scale).to(x.dtype)  # (rank, in), (out, rank)
        inner = flat @ down.T
        out = linear(flat, weight, bias).addmm_(inner, up.T)
        ctx.save_for_backward(flat, inner, weight, down, up)
        ctx.scale, ctx.shape, ctx.kept = scale, x.shape, a.dtype
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        flat, inner, weight, down, up = ctx.saved_tensors
        gradient = outer[0].reshape(-1, weight.shape[0])
        through = gradient @ up
        back = None
        if ctx.needs_input_grad[0]:
            back = (gradient @ weight).addmm_(through, down).view(ctx.shape)
        of_a = (through.T @ flat).to(ctx.kept)
        of_b = (gradient.T @ inner).to(ctx.kept) * ctx.scale
        return back, None, None, of_a, of_b, None


class _RootMeanSquare(torch.autograd.Function):
    """Keeps the input as it came and one number per position; the widened copies are made again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float, around_one: bool) -> Tensor:
        wide = x.float()
        inverse = torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
        ctx.save_for_backward(x, weight, inverse)
        ctx.around_one = around_one
        if around_one:
            return (wide * inverse).mul_(1.0 + weight.float()).to(x.dtype)
        return weight * (wide * inverse).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, inverse = ctx.saved_tensors
        normed = x.float() * inverse
        gradient = outer[0] * (1.0 + weight.float() if ctx.around_one else weight.float())
        shared = (gradient * normed).mean(-1, keepdim=True)
        return gradient.sub_(normed.mul_(shared)).mul_(inverse).to(x.dtype), None, None, None


class _Gated(torch.autograd.Function):
    """activation(gate) * up; the activation is computed again for the way back."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor, is_silu: bool) -> Tensor:
        ctx.save_for_backward(gate, up)
        ctx.is_silu = is_silu
        return _activated(gate, is_silu).mul_(up)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        gate, up = ctx.saved_tensors
        of_up = _activated(gate, ctx.is_silu).mul_(outer[0])
        inner = outer[0] * up
        if ctx.is_silu:
            return torch.ops.aten.silu_backward(inner, gate), of_up, None
        return torch.ops.aten.gelu_backward(inner, gate, approximate="tanh"), of_up, None


def _activated(gate: Tensor, is_silu: bool) -> Tensor:
    return silu(gate) if is_silu else gelu(gate, approximate="tanh")


class _RowAttention(torch.autograd.Function):
    """
    Causal attention within each row, one row after the other: nothing can leak, and nothing is computed in vain.

    q, k, v (heads, tokens, width); `ends` are the rows' ends. A row is computed up to the next multiple of `GRAIN`,
    for the library compiles a kernel for each length that it meets (1 ms and half a megabyte); what stands behind the
    row's end is no row's past, and is dropped.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, ends: Sequence[int], scale: float, window: int) -> Tensor:
        out, kept = torch.zeros_like(q), list[Tensor]()
        for start, end, until in _spans(ends, q.shape[1]):
            ahead = _ahead(until - start, window, q)
            scores = torch.baddbmm(ahead, q[:, start:until], k[:, start:until].transpose(1, 2), alpha=scale)
            weights = torch.softmax(scores, -1)  # in float32 inside
            out[:, start:end] = torch.bmm(weights, v[:, start:until])[:, : end - start]
            kept.append(weights)
        ctx.save_for_backward(q, k, v, *kept)
        ctx.ends, ctx.scale = ends, scale
        return out

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, *kept = ctx.saved_tensors
        of_q, of_k, of_v = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for weights, (start, end, until) in zip(kept, _spans(ctx.ends, q.shape[1]), strict=True):
            size = end - start
            gradient = outer[0][:, start:until]
            if until > end:
                gradient = gradient.clone()
                gradient[:, size:] = 0
            of_v[:, start:end] = torch.bmm(weights.transpose(1, 2), gradient)[:, :size]
            of_weights = torch.bmm(gradient, v[:, start:until].transpose(1, 2))
            of_scores = torch.ops.aten._softmax_backward_data(of_weights, weights, -1, weights.dtype)
            of_scores.mul_(ctx.scale)
            of_q[:, start:end] = torch.bmm(of_scores, k[:, start:until])[:, :size]
            of_k[:, start:end] = torch.bmm(of_scores.transpose(1, 2), q[:, start:until])[:, :size]
        return of_q, of_k, of_v, None, None, None


def _spans(ends: Sequence[int], tokens: int) -> list[tuple[int, int, int]]:
    """Start and end of each row, and up to where it is computed."""
    starts = (0, *ends[:-1])
    return [
        (start, end, min(tokens, start + -(-(end - start) // GRAIN) * GRAIN))
        for start, end in zip(starts, ends, strict=True)
    ]


def _ahead(length: int, window: int, like: Tensor) -> Tensor:
    """What to add to the scores of a row: nothing where a position may look, as good as minus infinity elsewhere."""
    mask = _triangle(max(64, 1 << (length - 1).bit_length()), like.dtype, like.device)[:, :length, :length]
    return mask if length <= window else mask + torch.full_like(mask, NEGATIVE).tril_(-window)


@cache
def _triangle(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.full((1, size, size), NEGATIVE, dtype=dtype, device=device).triu_(1)


def _attend(
    _module: nn.Module, query: Tensor, key: Tensor, value: Tensor, _mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """As transformers calls it; `cu_seq_lens_q` holds the rows' ends."""
    if options.get("softcap") or options.get("s_aux") is not None or options.get("dropout"):
        raise ValueError("an attention with caps, sinks or dropout")
    ends, window = options["cu_seq_lens_q"], options.get("sliding_window") or 1 << 30
    scale = options.get("scaling") or query.shape[-1] ** -0.5
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (part.repeat_interleave(groups, 1) for part in (key, value))
    out: Any = _RowAttention.apply(query[0], key[0], value[0], ends, scale, window)
    return out.transpose(0, 1)[None], None


AttentionInterface.register(ROWS, _attend)


def lighten(model: Any) -> Callable[[], None]:
    """Swap in what is proven equal on a trial input of each layer; the answer undoes it."""
    swapped = list[Any]()
    for part in list(model.modules()):
        if (forward := _adapted(part) or _norm(part) or _gated(part)) is not None:
            part.forward = MethodType(forward, part)
            swapped.append(part)

    def undo() -> None:
        for part in swapped:
            del part.forward

    return undo


Forward = Callable[[Any, Tensor], Any]


def _adapted(part: Any) -> Forward | None:
    if not isinstance(part, AdaptedLinear) or type(part.base_layer) is not nn.Linear or part.merged:
        return None
    plain = part.active_adapters == ["default"] and not part.lora_bias["default"]  # pyright: ignore[reportUnknownMemberType]
    if not plain or part.lora_variant or not isinstance(part.lora_dropout["default"], nn.Identity):
        return None
    base, a, b = part.base_layer, part.lora_A["default"].weight, part.lora_B["default"].weight
    scale = float(part.scaling["default"])

    def forward(_: Any, x: Tensor) -> Any:
        return _Adapted.apply(x, base.weight, base.bias, a, b, scale)

    return forward


@torch.no_grad()
def _norm(part: Any) -> Forward | None:
    weights, eps = list(part.parameters(recurse=False)), getattr(part, "variance_epsilon", getattr(part, "eps", None))
    if not isinstance(eps, float) or len(weights) != 1 or weights[0].ndim != 1 or list(part.children()):
        return None
    trial, weight = _trial(weights[0]), weights[0]
    ways = [_normed(weight, eps, around_one) for around_one in (False, True)]
    off, forward = min(((_off(part(trial), way(part, trial)), way) for way in ways), key=lambda each: each[0])
    return forward if off <= ROUNDING[weight.dtype] else None  # weights may be so large that the two are alike


def _normed(weight: Tensor, eps: float, around_one: bool) -> Forward:
    return lambda _, x: _RootMeanSquare.apply(x, weight, eps, around_one)  # pyright: ignore[reportUnknownLambdaType]


@torch.no_grad()
def _gated(part: Any) -> Forward | None:
    if not all(hasattr(part, name) for name in ("gate_proj", "up_proj", "down_proj", "act_fn")):
        return None
    width = getattr(part.gate_proj, "in_features", None)
    if not isinstance(width, int):
        return None
    trial = _trial(next(part.parameters()), width)
    for way in (_gate_silu, _gate_gelu):
        if _off(part(trial), way(part, trial)) <= ROUNDING[trial.dtype]:
            return way
    return None


def _gate_silu(part: Any, x: Tensor) -> Any:
    return part.down_proj(_Gated.apply(part.gate_proj(x), part.up_proj(x), True))


def _gate_gelu(part: Any, x: Tensor) -> Any:
    return part.down_proj(_Gated.apply(part.gate_proj(x), part.up_proj(x), False))


def _trial(like: Tensor, width: int = 0) -> Tensor:
    """(3, width) numbers of both signs, always the same."""
    size = 3 * (width or like.shape[0])
    return torch.linspace(-3, 3, size, device=like.device).sin().mul(2).view(3, -1).to(like.dtype)


def _off(wanted: Tensor, found: Tensor) -> float:
    """Relative distance."""
    return float((wanted - found).float().norm() / wanted.float().norm().clamp_min(1e-12))
