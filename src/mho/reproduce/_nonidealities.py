"""The non-idealities of the hermes tile: each alone, and whether their sum explains the whole."""

from __future__ import annotations

import math

from mho.chip import Chip, nonidealities
from mho.tiles import Condition, characterise

from ._row import Result, Row

_DAY = 86400.0


def _compute() -> list[Row]:
    chip = Chip.load("hermes")
    condition = Condition(_DAY, chip.compensation)

    def error(some: Chip) -> float:
        return characterise(some.tile, instances=4, vectors=64, condition=condition).error

    floor, whole = error(chip.only()), error(chip)
    rows = [Row("error with none: rounding of inputs, weights and codes", "%", (0.0, 2.0), 100 * floor, 0.0,
                "a converter of 8 bits", "prediction")]  # fmt: skip
    squares = floor**2
    for n in (n for n in nonidealities(chip) if n.present):
        alone = error(chip.only(n.name))
        squares += max(alone**2 - floor**2, 0.0)
        less = error(chip.without(n.name))
        comment = f"alone {100 * alone:.2f} %, without it {100 * less:.2f} % of {100 * whole:.2f} %"
        rows.append(Row(f"{n.name} alone: error over that of none", "ratio", (0.95, 100.0), alone / floor, 0.0,
                        "an effect can only add", "definition", comment))  # fmt: skip
    rows.append(Row("error with all, against the root of the sum of squares of each alone", "%",
                    100 * math.sqrt(squares), 100 * whole, 0.1, "independent causes"))  # fmt: skip
    return rows


RESULT = Result("The non-idealities of the hermes tile, a day after writing, each alone", _compute)
