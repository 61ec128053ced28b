"""A product whose forward pass is the chip's and whose backward pass is that of the exact one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mho.core import product
from mho.tiles import Quantization, input_integers, weight_steps


def quantise(
    x: Tensor, scale: float, bounds: tuple[int, int], levels: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """Return x / scale as integers in the bounds, float32, and where none was clipped if that will be asked."""
    if levels is not None:
        integers = input_integers(x.detach().float(), scale, bounds, levels)
        if not (torch.is_grad_enabled() and x.requires_grad):
            return integers, None
        share = x.detach() / scale
        return integers, (share >= levels[0] - 0.5) & (share <= levels[-1] + 0.5)
    rounded = (x.detach() / scale).float().round_()
    if not (torch.is_grad_enabled() and x.requires_grad):
        return rounded.clamp_(*bounds), None
    integers = rounded.clamp(*bounds)
    return integers, rounded == integers


def steps(weight: Tensor, top: float, quantization: Quantization) -> tuple[Tensor, Tensor]:
    """Return a weight `[out, ...]` in steps of its columns, and those steps, `[out]`, as `weight_integers` does.

    Columns of zeros have a step of zero and stay zero.
    """
    w = weight.detach().float()
    clipped = quantization.clip != "largest"
    if quantization.per == "column" and not clipped:
        flat = w.flatten(1)
        step = torch.maximum(flat.amax(1), -flat.amin(1)) / top  # two passes, but fast ones
    else:
        step = weight_steps(w, top, quantization)
    per_unit = torch.where(step > 0, 1 / step, 0.0).reshape(-1, *[1] * (w.dim() - 1))
    integers = (w * per_unit).round_()
    return (integers.clamp_(-top, top) if clipped else integers), step


class StraightThrough(torch.autograd.Function):
    """Return `y`, with the gradients of x and weight that their product (linear, or a convolution) has, and its own.

    The product is that of the quantised values: weight = integers x step, x = inputs x scale, and inputs that were
    clipped have no gradient. Source: [bengio2013], Sec. 4 (the straight-through estimator).
    """

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        y: Tensor,
        inputs: Tensor,
        unclipped: Tensor | None,
        integers: Tensor,
        step: Tensor,
        scale: float,
        geometry: tuple[list[int], list[int], list[int], int] | None,
    ) -> Tensor:
        ctx.save_for_backward(inputs, unclipped, integers, step)
        ctx.scale, ctx.geometry = scale, geometry
        ctx.kinds = (x.dtype, weight.dtype)
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Any, ...]:
        inputs, unclipped, integers, step = ctx.saved_tensors
        gradient: Tensor = gradients[0].float()
        back = _linear if ctx.geometry is None else _convolution
        to_x, to_weight = back(gradient, inputs, integers, step, ctx.scale, ctx.geometry, ctx.needs_input_grad[:2])
        if to_x is not None:
            to_x = (to_x if unclipped is None else to_x.mul_(unclipped)).to(ctx.kinds[0])
        if to_weight is not None:
            to_weight = to_weight.to(ctx.kinds[1])
        return (to_x, to_weight, gradients[0] if ctx.needs_input_grad[2] else None, *[None] * 6)


def _linear(
    gradient: Tensor, x: Tensor, weight: Tensor, step: Tensor, scale: float, geometry: Any, wanted: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    flat, vectors = gradient.reshape(-1, gradient.shape[-1]), x.reshape(-1, x.shape[-1])
    to_x = product((flat * step)[None], weight[None], "matrix")[0].reshape(x.shape) if wanted[0] else None
    to_weight = product((flat * scale).mT[None], vectors[None], "matrix")[0] if wanted[1] else None
    return to_x, to_weight


def _convolution(
    gradient: Tensor, x: Tensor, weight: Tensor, step: Tensor, scale: float, geometry: Any, wanted: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    stride, padding, dilation, groups = geometry
    none = [0] * len(stride)
    columns = step.reshape(-1, *[1] * len(stride))

    def back(g: Tensor, which: list[bool]) -> Any:
        return torch.ops.aten.convolution_backward(
            g, x, weight, None, stride, padding, dilation, False, none, groups, which
        )

    to_x = back(gradient * columns, [True, False, False])[0] if wanted[0] else None
    to_weight = back(gradient * scale, [False, True, False])[1] if wanted[1] else None
    return to_x, to_weight
