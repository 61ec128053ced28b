"""Calibrate the macros of data/calibrated on their readings marked fitted, and write the constants to their files.

    python docs/make_calibrated.py

Run it when readings, parts or the model change; the tests check that the stored constants are those of the fit.
"""

import re
from pathlib import Path

from mho.cost import calibrated_names, fit_calibrated, load_calibrated

FOLDER = Path(__file__).parent.parent / "src" / "mho" / "data" / "calibrated"


def main() -> None:
    """Fit and write."""
    for name in calibrated_names():
        macro = fit_calibrated(load_calibrated(name))
        file = FOLDER / f"{name}.toml"
        text = file.read_text(encoding="utf-8")
        if macro.threshold is not None:
            text = re.sub(r'^threshold = ".*"', f'threshold = "{macro.threshold:.4g} V"', text, flags=re.MULTILINE)
        for part in macro.parts:
            block = re.search(rf'\[\[parts\]\]\nname = "{re.escape(part.name)}"\n(.+\n)*', text)
            assert block is not None, part.name
            new = re.sub(r'^energy = ".*"', f'energy = "{1e12 * part.energy:.4g} pJ"', block[0], flags=re.MULTILINE)
            new = re.sub(r'^time = ".*"', f'time = "{1e9 * part.time:.4g} ns"', new, flags=re.MULTILINE)
            text = text.replace(block[0], new)
        file.write_text(text, encoding="utf-8")
        print(name, {part.name: (part.energy, part.time) for part in macro.parts}, macro.threshold)


if __name__ == "__main__":
    main()
