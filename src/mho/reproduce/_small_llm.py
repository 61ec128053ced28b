"""A small language model on chips, as it comes: next-token loss of SmolLM2-135M on real text.

Models that were not trained for analog hardware are known to lose much on it [buchel2025]; this says how much here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mho.chip import Chip
from mho.nn import calibrate, convert, program
from mho.samples import smollm2, text_sample

from ._row import Result, Row

WINDOW = 256
"""Tokens that the model sees at once."""
MASSIVE = 100.0
"""A layer whose largest input is more than so many times their root mean square stays digital.

Language models have a few such inputs, at the first token, and need them [sun2024]; one scale cannot hold them.
"""
_CALIBRATION, _WINDOWS, _SHORT, _INSTANCES = 2, 4, 1, 2
"""Windows from the end of the text for the ranges, from its beginning for the losses, of those on bit slices; chips."""
_DAY = 86400.0
_INT8 = "[dettmers2022], Table 1: 125 M parameters on C4"


def windows(tokens: list[int], length: int = WINDOW) -> Tensor:
    """Return tokens as `[windows, length]`, without those that fill no window."""
    return torch.tensor(tokens[: len(tokens) // length * length]).reshape(-1, length)


def next_token_loss(logits: Callable[[Tensor, int], Tensor], text: Tensor) -> float:
    """Return the mean loss of `logits(window, index)`, in nat, over `text` [windows, tokens], a window at a time."""
    total = 0.0
    for i, window in enumerate(text):
        with torch.no_grad():
            total += float(F.cross_entropy(logits(window[None], i)[0, :-1], window[1:]))
    return total / len(text)


def peaks(network: nn.Module, text: Tensor) -> dict[str, float]:
    """Return the largest input of every linear layer over the root mean square of its inputs, by name."""
    found: dict[str, float] = {}

    def look(name: str) -> Any:
        def hook(_: nn.Module, x: tuple[Tensor, ...]) -> None:
            found[name] = float(x[0].abs().max() / x[0].square().mean().sqrt())

        return hook

    layers = {name: m for name, m in network.named_modules() if isinstance(m, nn.Linear)}
    hooks = [layer.register_forward_pre_hook(look(name)) for name, layer in layers.items()]
    with torch.no_grad():
        network(text)
    for hook in hooks:
        hook.remove()
    return found


def on_chips(
    network: nn.Module,
    chip: Chip,
    digital: set[str],
    calibration: Tensor,
    text: Tensor,
    times: Sequence[float | None],
    instances: int,
) -> list[list[float]]:
    """Put all layers but the `digital` ones on a chip and return the losses of instances at each time, in s.

    Drift is compensated where the chip does so; one instance is in memory at a time.
    """
    converted = convert(network, chip, filter=lambda name, _: name not in digital)
    calibrate(converted, calibration)
    losses: list[list[float]] = [[] for _ in times]
    for seed in range(instances):
        for time, some in zip(times, losses, strict=True):
            compensation = "none" if time is None else chip.compensation
            chips = program(converted, seed).at(time, compensation=compensation)
            some.append(next_token_loss(lambda x, i, c=chips: c(x, first=i)[0], text))
    return losses


def rows(network: Any, calibration: Tensor, text: Tensor, short: int, instances: int) -> list[Row]:
    """Compare a causal language model of transformers on chips with itself in float32.

    Args:
        network: with a last layer called `lm_head`.
        calibration: windows that ranges are chosen from.
        text: windows that losses are taken over.
        short: so many of them on bit slices, which take ten times as long.
        instances: chips of each preset.
    """
    peak = peaks(network, calibration)
    head = {"lm_head"}
    held = head | {name for name, value in peak.items() if value > MASSIVE}
    aside = f"all but the last layer and {len(held - head)} of {len(peak) - 1} others"

    def exact(windows: Tensor) -> float:
        return next_token_loss(lambda x, _: network(x).logits, windows)

    whole = exact(text)
    with torch.no_grad():
        theirs = sum(float(network(input_ids=w[None], labels=w[None]).loss) for w in text) / len(text)
    table = [Row("next-token loss, float32", "nat", theirs, whole, 1e-5, "the model's own loss", "definition",
                 f"perplexity {math.exp(whole):.1f}; {_tokens(text)}")]  # fmt: skip
    for what, digital, published, tolerance, comment in (
        ("all but the last layer", head, (30.93 / 25.65, 87.76 / 25.65), 0.0,
         "one scale for each row to one for a matrix; here one for the inputs and one for each column of weights"),
        (f"{aside}, whose inputs are massive", held, 25.83 / 25.65, 0.1,
         "outliers multiplied in 16 bits; here whole layers are left to the digital unit"),
    ):  # fmt: skip
        value = on_chips(network, Chip.load("dimc-sram"), digital, calibration, text, (None,), 1)[0][0]
        table.append(Row(f"perplexity on dimc-sram over float32: {what}", "ratio", published, math.exp(value - whole),
                         tolerance, _INT8, comment=f"{comment}; loss {value:.3f} nat"))  # fmt: skip
    for name, windows in (("hermes", text), ("tile2-rram", text[:short])):
        still = exact(windows)
        chip = Chip.load(name)
        losses = on_chips(network, chip, held, calibration, windows, (None, _DAY), instances)
        how = "just written", "after a day" + ("" if chip.compensation == "none" else ", compensated")
        for when, values in zip(how, losses, strict=True):
            mean = sum(values) / len(values)
            comment = (
                f"perplexity {math.exp(mean - still):.2f} times that of float32, {math.exp(still):.1f}; "
                f"chips {', '.join(f'{v:.3f}' for v in values)}; {_tokens(windows)}"
            )
            table.append(Row(f"next-token loss on {name}, {when}: {aside}", "nat",
                             (still, math.log(network.config.vocab_size)), mean, 0.0,
                             "between float32 and a blind guess", "definition", comment))  # fmt: skip
    return table


def _tokens(text: Tensor) -> str:
    return f"{text.numel():,} tokens in windows of {text.shape[1]}"


def _compute() -> list[Row]:
    network, tokenizer = smollm2()
    text = windows(tokenizer.encode(text_sample()).ids)
    return rows(network, text[-_CALIBRATION:], text[:_WINDOWS], _SHORT, _INSTANCES)


RESULT = Result("SmolLM2-135M on three chips as it comes, not trained for them (takes some minutes)", _compute)
