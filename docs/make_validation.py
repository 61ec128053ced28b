"""Write the tables of docs/validation.md anew: the reproductions between their markers."""

from __future__ import annotations

import re
from pathlib import Path

from mho.reproduce import RESULTS, reproduce

PAGE = Path(__file__).parent / "validation.md"
HEAD = "| quantity | unit | source | its value | ours | ratio | within | mark |\n|---|---|---|---|---|---|---|---|\n"


def main() -> None:
    """Recompute every result and replace its table."""
    text = PAGE.read_text(encoding="utf-8")
    for name in RESULTS:
        table = HEAD + "".join(f"{row.markdown()}\n" for row in reproduce(name))
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text, count = re.subn(pattern, lambda m, t=table: m[1] + "\n" + t + "\n" + m[2], text, flags=re.DOTALL)
        if count != 1:
            raise SystemExit(f"docs/validation.md must have one place for {name}")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
