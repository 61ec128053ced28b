"""Rounding and products of which the backward pass is that of the exact thing."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mho.core import product

_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


class _Quantise(torch.autograd.Function):
    """Integers on the way forth; back, the gradient of those that were not clipped."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float, low: float, high: float) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.kept = x.dtype
        rounded = (x.float() / scale).round_()
        integers = rounded.clamp(low, high)
        ctx.scale = scale
        ctx.save_for_backward(rounded == integers)
        return integers

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (inside,) = ctx.saved_tensors
        return (gradient * inside).div_(ctx.scale).to(ctx.kept), None, None, None


def quantise(x: Tensor, scale: float, low: float, high: float) -> Tensor:
    """Return x / scale as integers in `[low, high]`, float32; the gradient passes where nothing is clipped.

    Source: [bengio2013], Sec. 4 (the straight-through estimator).
    """
    if x.requires_grad and torch.is_grad_enabled():
        return _Quantise.apply(x, scale, low, high)  # pyright: ignore[reportReturnType]
    return (x.float() / scale).round_().clamp_(low, high)


class _LinearThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, x: Tensor, weight: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.save_for_backward(x, weight)
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, weight = ctx.saved_tensors
        flat = gradient.reshape(-1, gradient.shape[-1])
        vectors = x.reshape(-1, x.shape[-1])
        to_x = product(flat[None], weight[None])[0].reshape(x.shape) if ctx.needs_input_grad[1] else None
        to_weight = product(flat.mT[None], vectors[None])[0] if ctx.needs_input_grad[2] else None
        return None, to_x, to_weight


class _ConvThrough(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, y: Tensor, x: Tensor, weight: Tensor, stride: Any, padding: Any, dilation: Any, groups: int
    ) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.save_for_backward(x, weight)
        ctx.geometry = (stride, padding, dilation, groups)
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, weight = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.geometry
        wanted = (ctx.needs_input_grad[1], ctx.needs_input_grad[2], False)
        none = [0] * len(stride)
        to_x, to_weight, _ = torch.ops.aten.convolution_backward(
            gradient, x, weight, None, stride, padding, dilation, False, none, groups, wanted
        )
        return None, to_x, to_weight, None, None, None, None


def linear(y: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Return `y`, with the gradients of x weight^T."""
    return _LinearThrough.apply(y, x, weight)  # pyright: ignore[reportReturnType]


def convolution(y: Tensor, x: Tensor, weight: Tensor, geometry: tuple[Any, Any, Any, int]) -> Tensor:
    """Return `y`, with the gradients of the convolution; `geometry` is stride, padding, dilation and groups."""
    return _ConvThrough.apply(y, x, weight, *geometry)  # pyright: ignore[reportReturnType]


def scaled(weight: Tensor, top: float) -> tuple[Tensor, Tensor]:
    """Return a weight `[out, ...]` in steps of its columns' largest value over `top`, and those steps, `[out]`.

    Columns of zeros have a step of zero and stay zero.
    """
    step = weight.detach().float().flatten(1).abs().amax(1) / top
    divisor = torch.where(step > 0, step, math.inf).reshape(-1, *[1] * (weight.dim() - 1))
    steps = weight.float() / divisor
    return steps + (steps.round().clamp(-top, top) - steps).detach(), step
