"""Train a binary two-layer perceptron on MNIST: weights, pixels and hidden units of +-1, as junctions hold them.

The data are Parquet files in the Hugging Face layout (a column `image` with the encoded image in `bytes`, and `label`).

    python train_binary_mlp.py --data mnist/ --out perceptron.safetensors --sample images.safetensors

The network shipped with mho (`mho.samples.binary_perceptron`) was made so, with the default arguments: the hidden width
is the one of 32, 64 and 128 whose accuracy in software came nearest to the 95.24 % of the published crossbar. The file
holds bits, packed eight to a byte, whole thresholds of the hidden units, and scale and offset of the scores.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

PIXELS = 784


def load(paths: list[Path], split: str, limit: int | None) -> tuple[Tensor, Tensor]:
    """Return black and white images of -1 and 1, `[n, 784]`, and labels."""
    files = [f for p in paths for f in (sorted(p.rglob("*.parquet")) if p.is_dir() else [p])]
    files = [f for f in files if split in f.stem and "mnist" in str(f.resolve()).lower()]
    if not files:
        raise SystemExit(f"--data must hold Parquet files with mnist in their path and {split!r} in their names")
    table = pq.read_table(files)
    table = table if limit is None else table.slice(0, limit)
    images = [np.asarray(Image.open(io.BytesIO(i["bytes"]))).reshape(-1) for i in table["image"].to_pylist()]
    x = torch.from_numpy(np.stack(images) > 127).float() * 2 - 1
    return x, torch.tensor(table["label"].to_pylist())


class Sign(torch.autograd.Function):
    """-1 or 1, with the gradient of a clipped identity."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        """Return the sign; that of 0 is 1."""
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        """Pass the gradient where |x| <= 1."""
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() <= 1)


class Perceptron(nn.Module):
    """784 inputs, hidden units, 10 scores; every product one of +-1 with +-1."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(hidden, PIXELS) * 0.1)
        self.second = nn.Parameter(torch.randn(10, hidden) * 0.1)
        self.norm = nn.BatchNorm1d(hidden)
        self.scores = nn.BatchNorm1d(10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores."""
        h = Sign.apply(self.norm(F.linear(x, Sign.apply(self.first))))
        return self.scores(F.linear(h, Sign.apply(self.second)))


def bits(x: Tensor) -> Tensor:
    """Pack signs of -1 and 1, eight to a byte."""
    return torch.from_numpy(np.packbits((x > 0).numpy(), axis=-1))


def folded(model: Perceptron) -> dict[str, Tensor]:
    """Turn normalisation into whole thresholds of the hidden units and scale and offset of the scores."""
    n, s = model.norm, model.scores
    sigma = (n.running_var + n.eps).sqrt()
    turn = torch.where(n.weight >= 0, 1.0, -1.0)
    threshold = turn * (n.running_mean - n.bias * sigma / n.weight)
    # Without a slope the bias alone decides; and no sum lies beyond the number of pixels.
    always = torch.where(n.bias >= 0, -float(PIXELS), PIXELS + 1.0)
    threshold = torch.where(n.weight == 0, always, threshold).clamp(-PIXELS, PIXELS + 1)
    scale = s.weight / (s.running_var + s.eps).sqrt()
    return {
        "first": bits(Sign.apply(model.first.detach()) * turn[:, None]),
        "threshold": threshold.detach().ceil().short(),
        "second": bits(Sign.apply(model.second.detach())),
        "scale": scale.detach(),
        "offset": (s.bias - s.running_mean * scale).detach(),
    }


def main() -> None:
    """Read the command line, train, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="Parquet files of MNIST, or their folder")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file for the network")
    parser.add_argument("--sample", type=Path, help="safetensors file for every fifth test image")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="one short epoch")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    limit = 500 if args.smoke else None
    x, y = load(args.data, "train", limit)
    test_x, test_y = load(args.data, "test", limit)
    model = Perceptron(args.hidden)
    epochs = 1 if args.smoke else args.epochs
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        model.train()
        for index in torch.randperm(len(x))[: len(x) // 250 * 250].split(250):
            loss = F.cross_entropy(model(x[index]), y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            for weight in (model.first, model.second):
                weight.data.clamp_(-1, 1)
        schedule.step()
        model.eval()
        with torch.no_grad():
            right = float((model(test_x).argmax(1) == test_y).float().mean())
        print(f"epoch {epoch + 1}/{epochs}  loss {float(loss.detach()):.4f}  test {right:.4f}", flush=True)
    metadata = {
        "architecture": f"binary perceptron 784-{args.hidden}-10",
        "data": "MNIST, black and white at half the range",
        "test_accuracy": f"{right:.4f}",
        "arguments": f"hidden={args.hidden}, epochs={epochs}, seed={args.seed}",
    }
    save_file(folded(model), args.out, metadata=metadata)
    if args.sample is not None:
        sample = {"images": bits(test_x[::5]), "labels": test_y[::5].byte()}
        save_file(sample, args.sample, metadata={"data": "MNIST test set, every fifth image, black and white"})


if __name__ == "__main__":
    main()
