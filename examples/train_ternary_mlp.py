"""Train a perceptron of weights -1, 0 and 1 on MNIST for the fully parallel RRAM chip, whose converters count pulses.

The data are Parquet files in the Hugging Face layout (a column `image` with the encoded image in `bytes`, and `label`).

    python train_ternary_mlp.py --data mnist/ --out perceptron.safetensors

Pixels are black or white; hidden units are counts of 0 to 3 that LPAR converters send to the second array as pulses;
scores have 8 bits. The network is trained in floats first, then on tiles, with ranges found anew at the beginning. The
one shipped with mho (`mho.samples.ternary_perceptron`) was made so, with the default arguments: a minute on one core.
"""

import argparse
import warnings
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

import mho
import mho.nn
from mho.converters import load_converter
from mho.tiles import BitParallel, Quantization, load_tile, weight_integers
from train_binary_mlp import load

# Of the published chip, with ideal lines: counts of pulses come in, one pulse width a step, and counts go out.
TILE = replace(
    load_tile("liu2020"),
    wires=None,
    inputs=BitParallel(3, "phases", lsb_time=1e-8),
    converter=load_converter("lpar-8b"),
)
LAYERS = {
    "0": Quantization(clip="least squares", adc_bits=3, adc_range="least squares"),  # counts of 0 to 3, and a sign
    "2": Quantization(clip="least squares", adc_bits=8),
}


def train(network: nn.Module, x: Tensor, y: Tensor, epochs: int, rate: float) -> None:
    """Take batches of 250 images, the rate rising and falling once."""
    optimizer = torch.optim.Adam(network.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, max(2, epochs * -(-len(x) // 250)))
    network.train()
    for _ in range(epochs):
        for index in torch.randperm(len(x)).split(250):
            loss = F.cross_entropy(network(x[index]), y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of images that are right."""
    with torch.no_grad():
        return float((network.eval()(x).argmax(1) == y).float().mean())


def main() -> None:
    """Read the command line, train, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="Parquet files of MNIST, or their folder")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file for the network")
    parser.add_argument("--epochs", type=int, default=24, help="on tiles, beside four in floats and eight that settle")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="few images, one short epoch of each kind")
    args = parser.parse_args()
    warnings.simplefilter("ignore", mho.RangeWarning)
    torch.manual_seed(args.seed)
    limit, epochs, settling = (500, 1, 1) if args.smoke else (None, args.epochs, 4)
    (x, y), (test_x, test_y) = ((load(args.data, split, limit)) for split in ("train", "test"))
    x, test_x = (x + 1) / 2, (test_x + 1) / 2
    network = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))
    train(network, x, y, 1 if args.smoke else 4, 3e-3)
    print(f"floats: {accuracy(network, test_x, test_y):.4f}", flush=True)
    tiled = mho.nn.convert(network, TILE, layers=LAYERS)
    for _ in range(settling):
        mho.nn.calibrate(tiled, x[:512])
        train(tiled, x, y, 1 if args.smoke else 2, 1e-3)
    mho.nn.calibrate(tiled, x[:512])
    train(tiled, x, y, epochs, 2e-3)
    right = accuracy(tiled, test_x, test_y)
    print(f"on tiles: {right:.4f}", flush=True)
    out: dict[str, Tensor] = {}
    for name, options in LAYERS.items():
        layer = tiled.get_submodule(name)
        integers, scale = weight_integers(options.tile(TILE), layer.weight.detach(), options)
        out |= {f"{name}.weight": integers.to(torch.int8), f"{name}.scale": scale, f"{name}.bias": layer.bias.detach()}
    metadata = {
        "architecture": "ternary perceptron 784-100-10",
        "data": "MNIST, black and white at half the range",
        "test_accuracy": f"{right:.4f}",
        "arguments": f"epochs={epochs}, seed={args.seed}",
    }
    save_file(out, args.out, metadata=metadata)


if __name__ == "__main__":
    main()
