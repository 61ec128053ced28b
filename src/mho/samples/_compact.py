"""Networks stored in few megabytes: BatchNorm folded into the layers, weights as integers of 8 bits."""

from pathlib import Path

from torch import nn

from mho.core import read_tensors
from mho.nn import fold_batchnorm, matrix_layers


def load_compact(network: nn.Module, file: Path) -> nn.Module:
    """Return the network without its BatchNorm, with the weights of a file.

    The file has int8 `weight`, a `scale` per output and a float32 `bias` for every convolution and linear layer, as
    `examples/train_cifar10.py --int8` writes it.
    """
    network = fold_batchnorm(network)
    stored = read_tensors(file)
    for name, layer in matrix_layers(network).items():
        weight, scale = stored[f"{name}.weight"].float(), stored[f"{name}.scale"]
        state = {"weight": weight * scale.reshape(-1, *[1] * (weight.dim() - 1)), "bias": stored[f"{name}.bias"]}
        layer.load_state_dict(state)
    return network.eval()
