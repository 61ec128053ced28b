"""Write the tables of docs/validation.md and of the page on NeuroSim anew, between their markers.

python docs/make_validation.py           # all but one
python docs/make_validation.py --full    # that of networks behind converters with 16 sources, five hours on one core
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from mho.reproduce import RESULTS, reproduce
from mho.reproduce._adaptive_networks import study_rows
from mho.reproduce._neurosim_causes import tables

PAGE = Path(__file__).parent / "validation.md"
RECONCILIATION = Path(__file__).parent / "concepts" / "reconciliation.md"
HEAD = "| quantity | unit | source | its value | ours | ratio | within | mark |\n|---|---|---|---|---|---|---|---|\n"


def write(page: Path, tables: dict[str, str]) -> None:
    """Replace the tables of a page.

    Raises:
        SystemExit: if a table has no place, or more than one.
    """
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text, count = re.subn(pattern, lambda m, t=table: m[1] + "\n" + t + "\n" + m[2], text, flags=re.DOTALL)
        if count != 1:
            raise SystemExit(f"{page.name} must have one place for {name}")
    page.write_text(text, encoding="utf-8")


def main() -> None:
    """Recompute results and replace their tables."""
    if "--full" in sys.argv:
        write(PAGE, {"adaptive-adc study": HEAD + "".join(f"{row.markdown()}\n" for row in study_rows())})
        return
    results = {name: HEAD + "".join(f"{row.markdown()}\n" for row in reproduce(name)) for name in RESULTS}
    write(PAGE, results)
    write(RECONCILIATION, tables())


if __name__ == "__main__":
    main()
