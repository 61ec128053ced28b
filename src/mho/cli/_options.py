"""Options that several commands have in common."""

from __future__ import annotations

from typing import Annotated

import typer

CarryAdc = Annotated[
    bool, typer.Option("--carry-adc", help="Carry converters of --adc to the node and supply of the chip's gates.")
]
ClipSums = Annotated[
    bool, typer.Option("--clip-sums", help="Let converters of equal steps clip sums for the least squared error.")
]
