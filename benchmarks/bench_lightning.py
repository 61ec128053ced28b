"""aihwkit-lightning's layers (2.1.0 on PyPI) and ours against torch's own, in one process and one run.

Tiles of 512 inputs, 8-bit converters, output noise 0.04, ranges of inputs fixed; both in training mode, since
aihwkit-lightning draws noise in training only. It needs an environment that holds both packages:
`pip install aihwkit-lightning==2.1.0` beside mho, or a path to it in PYTHONPATH.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

import mho.nn
from mho import Chip
from mho.nn import TrainingNoise
from mho.tiles import AnalogTile
from timing import timed

try:
    from aihwkit_lightning.nn import AnalogConv2d, AnalogLinear  # pyright: ignore[reportMissingImports]
    from aihwkit_lightning.simulator.configs import TorchInferenceRPUConfig  # pyright: ignore[reportMissingImports]
except ImportError:
    print("aihwkit-lightning is not installed here; pip install aihwkit-lightning==2.1.0 to compare with it")
    sys.exit()


def config() -> TorchInferenceRPUConfig:
    """Return 8-bit converters, output noise, and an input range that is known."""
    out = TorchInferenceRPUConfig()
    out.mapping.max_input_size = 512
    out.forward.inp_res = out.forward.out_res = 2**8 - 2
    out.forward.out_bound, out.forward.out_noise = 12.0, 0.04
    out.pre_post.input_range.enable = True
    out.pre_post.input_range.init_from_data = 0  # else its first hundred batches take longer
    return out


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    tile = Chip.load("hermes").tile
    assert isinstance(tile, AnalogTile)
    tile = replace(tile, rows=512, cols=512, wires=None)
    cases: list[tuple[str, nn.Module, nn.Module, Tensor]] = [
        (f"linear {n}x{n}, batch 256", nn.Linear(n, n), AnalogLinear(n, n, rpu_config=config()), torch.randn(256, n))
        for n in (512, 2048)
    ]
    conv, theirs = nn.Conv2d(64, 64, 3, padding=1), AnalogConv2d(64, 64, 3, padding=1, rpu_config=config())
    cases.append(("conv 64 ch 3x3 on 32x32, batch 8", conv, theirs, torch.randn(8, 64, 32, 32)))
    print(f"{'case':38} {'mode':22} aihwkit-lightning   mho   (x torch's own layer)")
    for name, net, theirs, x in cases:
        ours = mho.nn.convert(net, tile, noise=TrainingNoise(cells=False))
        mho.nn.calibrate(ours, x)
        modules = {"torch": net.train(), "theirs": theirs.train(), "ours": ours.train()}
        with torch.no_grad():
            t = timed({k: partial(m, x) for k, m in modules.items()}, options.rounds)
        print(f"{name:38} {'forward':22} {t['theirs'] / t['torch']:17.2f} {t['ours'] / t['torch']:5.2f}", flush=True)
        gradient, leaf = torch.randn_like(net(x)), x.clone().requires_grad_()

        def both(m: nn.Module, leaf: Tensor = leaf, gradient: Tensor = gradient) -> None:
            m.zero_grad(set_to_none=True)
            leaf.grad = None
            m(leaf).backward(gradient)

        t = timed({k: partial(both, m) for k, m in modules.items()}, options.rounds)
        row = f"{name:38} {'forward and backward':22} {t['theirs'] / t['torch']:17.2f} {t['ours'] / t['torch']:5.2f}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
