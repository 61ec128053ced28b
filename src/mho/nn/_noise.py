"""Random numbers inside layers, as operators that a compiler leaves alone: it would draw them one by one."""

import torch
from torch import Tensor

from mho.core import normal_by_index


@torch.library.custom_op("mho::randn", mutates_args=())
def randn(like: Tensor, shape: list[int]) -> Tensor:
    """Draw from torch's own generator, as dropout does."""
    return torch.randn(shape, dtype=torch.float32, device=like.device)


@torch.library.custom_op("mho::read_noise", mutates_args=())
def read_noise(like: Tensor, streams: str, first: int, turn: int, images: int, shape: list[int]) -> Tensor:
    """Draw `[streams, images, *shape]`: that of image i from the stream's child `first + i`.

    A layer that is read more than once in a pass, as in a recurrent network, takes another stream at each `turn`.
    """
    texts = [text + (f"/turn:{turn}" if turn else "") for text in streams.split("\n")]
    return normal_by_index(texts, first, images, shape).to(like.device)


@randn.register_fake
def _(like: Tensor, shape: list[int]) -> Tensor:
    return like.new_empty(shape, dtype=torch.float32)


@read_noise.register_fake
def _(like: Tensor, streams: str, first: int, turn: int, images: int, shape: list[int]) -> Tensor:
    return like.new_empty((streams.count("\n") + 1, images, *shape), dtype=torch.float32)
