"""Fine-tune the shipped ResNet-20 for few bits on the tiles of a chip, and say what that wins.

    python examples/tune_few_bits.py --data cifar10-train.parquet --chip dimc-sram --weights 3
    python examples/tune_few_bits.py --data cifar10-train.parquet --chip tile2-rram --weights 4 --adc 5 --steps 100

The data are training images of CIFAR-10, a Parquet file in the Hugging Face layout; where they are the lossy JPEG copy,
say "CIFAR-10 (JPEG)" with the figures. Counted are the 1,000 test images that mho ships. The loss is half
cross-entropy, half the Kullback-Leibler distance of the answers from those of the untouched network; images are
shifted by up to four pixels and mirrored; the rate falls linearly to zero; ranges are found anew after a quarter and
half of the steps. On one core 300 steps on dimc-sram take two minutes.
"""

import argparse
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

import mho
import mho.nn
from mho.samples import cifar10_sample, load_images, resnet20

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", required=True, type=Path, help="training images, a Parquet file")
parser.add_argument("--chip", default="dimc-sram", help="preset or TOML file")
parser.add_argument("--weights", type=int, default=3, help="bits of weights")
parser.add_argument("--per", choices=("column", "tensor"), default="column", help="what has one scale")
parser.add_argument("--adc", type=int, help="bits of converters; as many as they have, if left out")
parser.add_argument("--steps", type=int, default=300, help="of 64 images")
parser.add_argument("--lr", type=float, default=0.02)
parser.add_argument("--images", type=int, default=1000, help="test images")
parser.add_argument("--train-images", type=int, default=12000)
parser.add_argument("--out", type=Path, help="where to save the weights (.safetensors)")
arguments = parser.parse_args()

warnings.simplefilter("ignore", mho.RangeWarning)
torch.manual_seed(0)
options = mho.Quantization(arguments.weights, per=arguments.per, adc_bits=arguments.adc)
chip = mho.Chip.load(arguments.chip)
images, labels = load_images(arguments.data, limit=arguments.train_images)
calibration = images[:128]
test, truth = cifar10_sample(arguments.images)


def on_chip(network: nn.Module) -> float:
    """Accuracy in % on one chip, right after programming."""
    graph = mho.capture(network.eval(), test[:1])
    program = mho.compile(mho.quantize(graph, chip, calibration, options), chip)
    return 100 * float(mho.run(program, test).accuracy(truth))


teacher = resnet20().eval()
print(f"{options} on {chip.name}: {on_chip(resnet20()):.1f} % as trained", flush=True)
tiled = mho.nn.convert(resnet20(), chip, options=options)
mho.nn.calibrate(tiled, calibration)
optimiser = torch.optim.SGD(tiled.parameters(), arguments.lr, momentum=0.9, nesterov=True, weight_decay=1e-4)
schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / arguments.steps)
order = torch.randperm(len(images))
batch = min(64, len(images) // 2)
tiled.train()
for step in range(arguments.steps):
    if step in (arguments.steps // 4, arguments.steps // 2):
        mho.nn.calibrate(tiled, calibration)
    some = order[step * batch % (len(images) - batch) :][:batch]
    down, right = torch.randint(0, 9, (2,)).tolist()
    x = F.pad(images[some], (4, 4, 4, 4))[..., down : down + 32, right : right + 32]
    x = (x.flip(-1) if torch.rand(()) < 0.5 else x).contiguous()
    with torch.no_grad():
        wanted = teacher(x).softmax(-1)
    scores = tiled(x)
    distance = F.kl_div(scores.log_softmax(-1), wanted, reduction="batchmean")
    loss = 0.5 * F.cross_entropy(scores, labels[some]) + 0.5 * distance
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    schedule.step()
    if step % 50 == 0:
        print(f"step {step}: loss {float(loss.detach()):.3f}", flush=True)
tuned = mho.nn.to_digital(tiled)
print(f"{options} on {chip.name}: {on_chip(tuned):.1f} % tuned for {arguments.steps} steps")
if arguments.out is not None:
    save_file({name: value.contiguous() for name, value in tuned.state_dict().items()}, arguments.out)
