"""Fit the laws of macros on the table of measured chips again, and write their constants to the data files.

    python docs/make_laws.py

Run it when the table, the priors or the laws change; the tests check that the stored constants are those of the fit.
"""

import math
import re
from pathlib import Path

import torch

from mho.cost import PRINCIPLES, fit_laws, leave_one_out, load_law, read_silicon

LAWS = Path(__file__).parent.parent / "src" / "mho" / "data" / "laws"


def spread(ratios: list[float | None]) -> tuple[float, float]:
    """Return the range that two thirds of the ratios lie in."""
    logs = torch.tensor([math.log(r) for r in ratios if r is not None], dtype=torch.float64)
    low, high = logs.quantile(torch.tensor([1 / 6, 5 / 6], dtype=torch.float64)).exp().tolist()
    return low, high


def main() -> None:
    """Fit and write."""
    points = read_silicon()
    for principle, law in zip(PRINCIPLES, fit_laws([load_law(p) for p in PRINCIPLES], points), strict=True):
        file = LAWS / f"{principle}.toml"
        text = file.read_text(encoding="utf-8")
        for prior in law.priors:
            value = f"{getattr(law, prior.field):.4g}"
            text = re.sub(
                rf'^{prior.field} = ("?)[-+.0-9e]+', rf"{prior.field} = \g<1>{value}", text, flags=re.MULTILINE
            )
        file.write_text(text, encoding="utf-8")
        print(principle, {p.field: getattr(law, p.field) for p in law.priors})
    load_law.cache_clear()
    everything = leave_one_out(points)
    for principle in PRINCIPLES:
        predictions = [p for p in everything if p.point.macro.principle == principle]
        file = LAWS / f"{principle}.toml"
        text = file.read_text(encoding="utf-8")
        for what in ("energy", "density"):
            known = [p.ratio(what) for p in predictions if what == "energy" or p.point.macro.cycle is not None]
            low, high = spread(known)
            text = re.sub(rf"^{what}_range = .*", f"{what}_range = [{low:.2f}, {high:.2f}]", text, flags=re.MULTILINE)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
