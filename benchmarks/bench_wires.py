"""The wires of an array against other ways to solve them, in one process and one run.

Exact matrix and closed form against scipy's sparse LU (factor once, solve 1,024 inputs), ngspice (one input), and
badcrossbar (https://pypi.org/project/badcrossbar/, four inputs) where these are installed; a batch of 256 tiles; one
thread and two. Prints ratios of the process's CPU time (ngspice: of its own); `--json FILE` keeps them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sparse
import scipy.sparse.linalg as linalg
import torch
from torch import Tensor

from mho.arrays import Wires, currents
from mho.eda import array_netlist, ngspice, ngspice_version

OHM = 1.0


def cpu(function: Callable[[], Any], rounds: int) -> float:
    """Return the median CPU seconds of a function, after one call to warm up."""
    function()
    seconds: list[float] = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def children(function: Callable[[], Any]) -> float:
    """Return the CPU seconds that the processes started by a function took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    function()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def nodal(g: np.ndarray) -> sparse.csc_matrix:
    """Return the conductance matrix of all nodes of an array, driven at the left and read at the bottom."""
    rows, cols = g.shape
    index = np.arange(rows * cols).reshape(rows, cols)
    words, bits = index, index + rows * cols
    a = [words.ravel(), words[:, :-1].ravel(), bits[:-1].ravel()]
    b = [bits.ravel(), words[:, 1:].ravel(), bits[1:].ravel()]
    values = [g.ravel(), np.full(a[1].size, 1 / OHM), np.full(a[2].size, 1 / OHM)]
    i, j, v = np.concatenate(a), np.concatenate(b), np.concatenate(values)
    size = 2 * rows * cols
    ground = np.zeros(size)
    ground[words[:, 0]] += 1 / OHM
    ground[bits[-1]] += 1 / OHM
    off = sparse.coo_matrix((np.concatenate([-v, -v]), (np.concatenate([i, j]), np.concatenate([j, i]))), (size, size))
    diagonal = ground + np.bincount(np.concatenate([i, j]), np.concatenate([v, v]), size)
    return (off + sparse.diags(diagonal)).tocsc()


def lu(g: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Solve all inputs by sparse LU and return the column currents."""
    rows, cols = g.shape
    rhs = np.zeros((2 * rows * cols, inputs.shape[1]))
    rhs[np.arange(rows) * cols] = inputs / OHM
    v = linalg.splu(nodal(g)).solve(rhs)
    return v[rows * cols + (rows - 1) * cols :] / OHM


def case(size: int, rounds: int) -> dict[str, float]:
    """Time one size."""
    generator = torch.Generator().manual_seed(size)
    g = 1e-6 + 99e-6 * torch.rand(size, size, generator=generator, dtype=torch.float64)
    v = 0.2 * torch.rand(size, 1024, generator=generator, dtype=torch.float64)
    exact, closed, two = (Wires(OHM, OHM, ir_drop=m) for m in ("exact", "closed", "sweeps(2)"))
    network = exact.network()
    w = exact.effective(g)
    others = lu(g.numpy(), v.numpy())
    assert np.abs((w.T @ v).numpy() / others - 1).max() < 1e-9
    seconds = {
        "exact": cpu(lambda: exact.effective(g), rounds),
        "closed": cpu(lambda: closed.effective(g), 10 * rounds),
        "sweeps(2)": cpu(lambda: two.effective(g), rounds),
        "one input": cpu(lambda: currents(g, network, v[:, :1]), 5 * rounds),
        "product of 1,024 inputs": cpu(lambda: w.T @ v, 10 * rounds),
        "matrix product of this size": cpu(lambda: w @ w, 10 * rounds),
        "sparse LU, 1,024 inputs": cpu(lambda: lu(g.numpy(), v.numpy()), 1),
    }
    if size <= 64 and ngspice_version() is not None:
        seconds["ngspice, one input"] = children(lambda: ngspice(array_netlist(g, exact, v[:, 0])))
    badcrossbar = _badcrossbar()
    if badcrossbar is not None:
        four = v[:, :4].numpy()
        seconds["badcrossbar, four inputs"] = cpu(
            lambda: badcrossbar.compute(four, 1 / g.numpy(), r_i=OHM, node_voltages=False, all_currents=False), 1
        )
    return seconds


def _badcrossbar() -> Any:
    try:
        return importlib.import_module("badcrossbar")
    except ImportError:
        return None


def batch(threads: int) -> dict[str, float]:
    """Time 256 tiles at once and 16 small ones, in wall time, as threads are what is asked about."""
    torch.set_num_threads(threads)
    out: dict[str, float] = {}
    for count, size in ((256, 128), (16, 16), (1, 16), (1, 64)):
        g: Tensor = 1e-6 + 99e-6 * torch.rand(count, size, size)
        Wires(OHM, OHM).effective(g[:2])
        seconds: list[float] = []
        for _ in range(1 if size > 64 else 21):
            start = time.perf_counter()
            Wires(OHM, OHM).effective(g)
            seconds.append(time.perf_counter() - start)
        out[f"{count} of {size} x {size}, {threads} thread(s), per tile"] = statistics.median(seconds) / count
    torch.set_num_threads(1)
    return out


def main() -> None:
    """Run all cases and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--smoke", action="store_true", help="one small size")
    args = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, dict[str, float]] = {}
    for size in (16,) if args.smoke else (16, 64, 128):
        t = case(size, 1 if args.smoke else args.rounds)
        results[str(size)] = t
        exact, product = t["exact"], t["matrix product of this size"]
        whole = exact + t["product of 1,024 inputs"]
        print(f"{size} x {size}: exact matrix = {exact / product:.0f} products of this size")
        print(f"  sparse LU, 1,024 inputs   {t['sparse LU, 1,024 inputs'] / whole:8.1f} x exact and product")
        print(f"  closed form               {exact / t['closed']:8.1f} x faster than exact")
        print(f"  sweeps(2)                 {t['sweeps(2)'] / exact:8.2f} x exact")
        print(f"  one input                 {t['one input'] / exact:8.3f} x exact")
        for other in ("ngspice, one input", "badcrossbar, four inputs"):
            if other in t:
                print(f"  {other:25} {t[other] / exact:8.1f} x exact, {t[other] / t['one input']:8.0f} x one input")
    if not args.smoke:
        for threads in (1, 2):
            results[f"threads {threads}"] = batch(threads)
        one = results["threads 1"]
        for key, value in results["threads 2"].items():
            before = one[key.replace("2 thread", "1 thread")]
            name = key.partition(", 2")[0]
            print(f"{name}: {1e3 * before:.2f} ms a tile on one thread; two threads {value / before:.2f} x")
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
