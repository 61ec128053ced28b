"""The error budget of a MAC principle: each of its non-idealities alone, on one test product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mho.core import Cost, Seed

from ._principle import AbstractPrinciple


@dataclass(frozen=True)
class Budget:
    """Errors of a product of random bits, as a fraction of the root mean square of the sums about their mean."""

    ideal: float
    """With all non-idealities removed: rounding only."""
    alone: Mapping[str, float]
    """With one alone; gain and offset of each column fitted, as calibration does."""
    total: float
    raw: float
    """With all of them, before gain and offset are fitted."""
    energy: float
    """Mean energy of one column and product, in J."""
    cost: Cost
    """The same with the settling time to 8 bits."""


def error_budget(
    principle: AbstractPrinciple,
    rows: int = 256,
    columns: int = 32,
    vectors: int = 256,
    seed: Seed = Seed(0),  # noqa: B008 - a frozen value
) -> Budget:
    """Multiply random bits with random bits and say what each non-ideality of a principle does to the sums."""
    x = (seed.child("x").normal((vectors, rows)) > 0).double()
    w = (seed.child("w").normal((rows, columns)) > 0).double()
    draws = {name: seed.child("draw", name).normal((rows, columns)).double() for name in principle.draws}
    noise = seed.child("noise").normal((vectors, columns)).double()
    true = x @ w
    names = list(principle.effects)

    def without(some: AbstractPrinciple, *gone: str) -> AbstractPrinciple:
        for name in gone:
            some = some.effects.get(name, some)
        return some

    def errors(some: AbstractPrinciple) -> tuple[float, float]:
        return _errors(some.read(x, w, draws, noise), true)

    total, raw = errors(principle)
    energy = float(principle.energy(x, w).mean())
    return Budget(
        ideal=errors(without(principle, *names))[1],
        alone={n: errors(without(principle, *(m for m in names if m != n)))[0] for n in names},
        total=total,
        raw=raw,
        energy=energy,
        cost=Cost(energy=energy, latency=principle.settling(rows, 8)),
    )


def _errors(y: Float[Tensor, "vectors columns"], true: Float[Tensor, "vectors columns"]) -> tuple[float, float]:
    """Return the relative error with gain and offset fitted per column, and without."""
    size = (true - true.mean(0)).square().mean().sqrt()
    centred, wanted = y - y.mean(0), true - true.mean(0)
    gain = (centred * wanted).sum(0) / centred.square().sum(0).clamp(min=1e-300)
    fitted = (centred * gain - wanted).square().mean().sqrt() / size
    return float(fitted), float((y - true).square().mean().sqrt() / size)
