"""Options of the verbs that take media: planar ones also with more arrays, beside or over one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mho.core import SpecError

if TYPE_CHECKING:
    from mho.systems import Medium

Tiers = Annotated[int, typer.Option(min=0, help="Also each planar technology as so many tiers over its logic.")]
Banks = Annotated[
    int, typer.Option(min=0, help="Also with so many arrays beside one another that share the periphery.")
]
StackName = Annotated[str, typer.Option("--stack", help="What joins the tiers: a preset or a TOML file.")]
LogicNode = Annotated[str | None, typer.Option(help="Node of the logic below the tiers, such as '7 nm'.")]


def variants(
    chosen: dict[str, Medium], tiers: int, banks: int, stack: str, logic_node: str | None
) -> dict[str, Medium]:
    """Return the planar ones of the chosen media with banks, and those in tiers, by name."""
    from mho.core import parse_quantity
    from mho.systems import load_stack

    if logic_node is not None and not tiers:
        raise SpecError(["--logic-node is that of the logic below tiers; say how many with --tiers"])
    try:
        node = None if logic_node is None else parse_quantity(logic_node, "m")
    except ValueError as error:
        raise SpecError([f"--logic-node: {error}"]) from None
    found = {name: medium for name, medium in chosen.items() if medium.tiers == 1}
    if banks:
        found = {f"{name} {banks} banks": medium.shared(banks) for name, medium in found.items()}
    if not tiers:
        return found if banks else {}
    joined, over = load_stack(stack), "" if logic_node is None else f" on {logic_node}"
    return {f"{name} x{tiers}{over}": medium.stacked(tiers, joined, node) for name, medium in found.items()}
