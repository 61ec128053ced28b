"""A quantised layer is what its docstring says: integers and scales, checked in shape."""

import pytest
import torch

from mho.ir import Graph, QuantGraph, QuantLayer


def test_holds_what_it_is_given() -> None:
    weight = torch.zeros(3, 4, dtype=torch.int8)
    layer = QuantLayer(weight, torch.ones(3), torch.zeros(3), 0.5, (0, 127), False, torch.ones(2, 1))
    quant = QuantGraph(Graph((), "", {}), {"fc": layer}, "abc")
    assert quant.layers["fc"].weight is weight
    with pytest.raises(AttributeError):
        quant.tile_fingerprint = "other"  # type: ignore[misc]


def test_shapes_are_checked() -> None:
    with pytest.raises(TypeError, match="bias"):
        QuantLayer(torch.zeros(3, 4), torch.ones(3), torch.zeros(4), 0.5, (0, 127), False, torch.ones(2, 1))
