"""Heat conduction in one dimension, solved by finite volumes."""

from collections.abc import Callable

import pytest
import torch


def _columns(layers: list[tuple[float, float]], sources: dict[int, float], sink: float, parts: int = 20) -> list[float]:
    """Solve heat conduction through layers by finite volumes; return the K above the air at the end of each.

    Args:
        layers: thickness in m and conductivity in W/m/K, the coldest first.
        sources: W/m2 in a sheet at the far end of a layer.
        sink: W/m2/K from the near end of the first one.
        parts: cells of a layer.
    """
    size = len(layers) * parts + 1  # nodes at the cells' ends
    matrix, heat = torch.zeros(size, size, dtype=torch.float64), torch.zeros(size, dtype=torch.float64)
    matrix[0, 0] = sink
    for index, (thickness, conductivity) in enumerate(layers):
        conductance = conductivity / (thickness / parts)
        for cell in range(index * parts, (index + 1) * parts):
            matrix[cell, cell] += conductance
            matrix[cell + 1, cell + 1] += conductance
            matrix[cell, cell + 1] -= conductance
            matrix[cell + 1, cell] -= conductance
    for index, power in sources.items():
        heat[(index + 1) * parts] += power
    found = torch.linalg.solve(matrix, heat)
    return [float(found[(index + 1) * parts]) for index in range(len(layers))]


@pytest.fixture
def columns() -> Callable[..., list[float]]:
    return _columns
