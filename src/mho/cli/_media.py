"""Options of the verbs that take media: planar ones also with more arrays, beside or over one another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mho.core import SpecError

if TYPE_CHECKING:
    from mho.systems import Medium

Tiers = Annotated[
    int | None,
    typer.Option(min=1, help="Also each planar technology with analog sums as so many tiers over its logic."),
]
Banks = Annotated[
    int | None, typer.Option(min=1, help="Also with so many arrays beside one another that share the periphery.")
]
StackName = Annotated[
    str | None, typer.Option("--stack", help="What joins the tiers: a preset (monolithic) or a TOML file.")
]
LogicNode = Annotated[str | None, typer.Option(help="Node of the logic below the tiers, such as '7 nm'.")]


def variants(
    chosen: dict[str, Medium], tiers: int | None, banks: int | None, stack: str | None, logic_node: str | None
) -> dict[str, Medium]:
    """Return those of the chosen media that can have banks or tiers with them, by name; say of the others why not.

    Raises:
        SpecError: if options contradict one another, or no medium can have what they ask for.
    """
    from mho.systems import load_stack

    for option, value in (("--stack", stack), ("--logic-node", logic_node)):
        if value is not None and tiers is None:
            raise SpecError([f"{option} goes with tiers; say how many with --tiers"])
    if tiers is None and banks is None:
        return {}
    node, how = _node(logic_node), stack or "monolithic"
    joined = load_stack(how)
    found: dict[str, Medium] = {}
    refused: list[str] = []
    for name, medium in chosen.items():
        try:
            if medium.tiers > 1:
                raise SpecError([f"{medium.title} has {medium.tiers} tiers already"])
            variant = medium if banks is None else medium.shared(banks)
            key = name if banks is None else f"{name} {banks} banks"
            if tiers is not None:
                variant = variant.stacked(tiers, joined, node)
                key += f" x{tiers} {Path(how).stem}" + ("" if logic_node is None else f" on {logic_node}")
        except SpecError as error:
            refused.append(f"{name}: {error}")
        else:
            found[key] = variant
    if not found:
        raise SpecError(["; ".join(refused)])
    for text in refused:
        typer.echo(f"note: no banks or tiers of {text}", err=True)
    return found


def _node(text: str | None) -> float | None:
    """Read the node of the logic; a bare number would be metres."""
    from mho.core import parse_quantity
    from mho.digital import load_technology

    if text is None:
        return None
    try:
        node = parse_quantity(text, "m")
    except ValueError as error:
        raise SpecError([f"--logic-node: {error}"]) from None
    if not text.endswith("m"):
        raise SpecError([f"--logic-node: {text!r} has no unit; say '{text} nm'"])
    load_technology().logic(node)  # a node that the table has
    return node
