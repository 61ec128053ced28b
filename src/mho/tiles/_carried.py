"""A converter at another node and supply, from the node that its own costs are of."""

from __future__ import annotations

from mho.converters import AbstractConverter, Sar
from mho.core import Metre, SpecError, Volt
from mho.digital import Technology, load_technology


def carried(
    converter: AbstractConverter, node: Metre, supply: Volt | None = None, technology: Technology | None = None
) -> AbstractConverter:
    """Return a converter at another node in m, and supply in V (the nominal one if left out).

    Its own supply, where it does not tell one, is the nominal one of its node.

    Raises:
        SpecError: if it does not say its node or how it scales, or node or supply are outside the table.
    """
    if converter.node is None:
        raise SpecError(
            [f"node: a {type(converter).__name__} converter must say at which node its costs are; set it, as `28 nm`"]
        )
    own = converter.supply if isinstance(converter, Sar) else None
    return converter.scaled((technology or load_technology()).scaling(converter.node, node, supply, own))
