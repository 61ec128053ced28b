"""ngspice as the judge of our own solutions; and what is said when it cannot be."""

import itertools
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from mho.arrays import AbstractIV, Exponential, Sinh, Transistor, Wires, newton
from mho.core import FileError, Seed, SimulatorError
from mho.eda import array_netlist, ngspice, ngspice_version, read_raw

TERMINATIONS = list(itertools.product(("left", "right", "both"), ("bottom", "top", "both")))
judge = pytest.mark.skipif(
    ngspice_version() is None and "CI" not in os.environ, reason="ngspice is not installed (apt-get install ngspice)"
)


def _cells(name: object, *shape: int) -> torch.Tensor:
    """Draw conductances over two decades, a fifth of them 0."""
    u = torch.rand(2, *shape, generator=Seed(0).child(str(name)).generator(), dtype=torch.float64)
    return torch.where(u[1] < 0.2, 0.0, 10 ** (-6 + 2 * u[0]))


def _volts(name: object, n: int) -> torch.Tensor:
    """Draw inputs of 0.05 to 0.2 V."""
    u = torch.rand(n, generator=Seed(0).child("v", str(name)).generator(), dtype=torch.float64)
    return 0.05 + 0.15 * u


def _outputs(raw: Mapping[str, np.ndarray], cols: int) -> np.ndarray:
    """Return the currents into the read-outs, `[points, cols]`."""
    ends = ("a", "b") if "i(vread0a)" in raw else ("",)
    return np.stack([sum(raw[f"i(vread{j}{end})"] for end in ends) for j in range(cols)], -1)


def _error(ours: torch.Tensor, theirs: np.ndarray) -> float:
    return float(np.abs(ours.numpy() - theirs).max() / np.abs(theirs).max())


# The judge ------------------------------------------------------------------------------------------------------


@judge
@pytest.mark.parametrize(("drive", "read"), TERMINATIONS)
def test_exact_currents(drive: str, read: str) -> None:
    g, v = _cells(("linear", drive, read), 16, 12), _volts("linear", 16)
    for wires in (Wires(1.0, 2.0, drive=drive, read=read), Wires(50.0, 20.0, 1000.0, 300.0, drive, read)):
        theirs = _outputs(ngspice(array_netlist(g, wires, v)), 12)
        assert theirs.shape == (1, 12)
        assert _error(v @ wires.effective(g), theirs[0]) < 1e-12


@judge
def test_wires_without_resistance() -> None:
    g, v = _cells("ideal", 6, 5), _volts("ideal", 6)
    for wires in (Wires(0.0, 0.0), Wires(0.0, 3.0, drive="right"), Wires(3.0, 0.0, read="top")):
        assert _error(v @ wires.effective(g), _outputs(ngspice(array_netlist(g, wires, v)), 5)[0]) < 1e-9


@judge
@pytest.mark.parametrize(
    "cell",
    [Sinh(0.3), Sinh(0.1), Exponential(0.3), Exponential(0.1), Transistor(2e-4, 0.5), Transistor(2e-5, 0.05)],
    ids=repr,
)
@pytest.mark.parametrize(("drive", "read"), [("left", "bottom"), ("both", "top"), ("right", "both")])
def test_currents_of_cells_that_are_not_ohmic(cell: AbstractIV, drive: str, read: str) -> None:
    g, v = _cells(("law", drive), 16, 12), _volts("law", 16) * torch.tensor([1.0, -1.0]).repeat(8)
    wires = Wires(20.0, 10.0, 100.0, 30.0, drive, read)
    theirs = _outputs(ngspice(array_netlist(g, wires, v, cell)), 12)[0]
    assert _error(newton(g, cell, wires.network(), v[:, None])[:, 0], theirs) < 1e-9
    assert _error(v @ wires.effective(g), theirs) > 0.02  # the law matters


@judge
@pytest.mark.parametrize(
    "cell", [Sinh(0.25), Exponential(0.25), Transistor(2e-4, 0.5), Transistor(1e-5, 0.1)], ids=repr
)
def test_spice_expressions(cell: AbstractIV) -> None:
    """One cell between two ideal wires, from well below 0 V to well above saturation."""
    for g in (1e-6, 1e-4):
        for v in (-1.5, -0.3, -0.01, 0.0, 0.04, 0.5, 1.5):
            one, at = torch.tensor([[g]], dtype=torch.float64), torch.tensor([v], dtype=torch.float64)
            theirs = ngspice(array_netlist(one, Wires(0.0, 0.0), at, cell))["i(vread0)"]
            assert theirs[0] == pytest.approx(float(cell.current(one[0], at)), rel=1e-9, abs=1e-18)


@judge
@pytest.mark.parametrize(
    "wires",
    [
        Wires(1.0, 1.0, 1000.0, 500.0, word_capacitance=1e-15, bit_capacitance=1e-15),
        Wires(1.0, 1.0, 5000.0, word_capacitance=1e-15),
        Wires(1.0, 1.0, sense=5000.0, bit_capacitance=1e-15, read="top"),
        Wires(20.0, 10.0, word_capacitance=1e-15, bit_capacitance=3e-15, drive="right"),
        Wires(20.0, 1.0, word_capacitance=1e-15, drive="both"),
        Wires(1.0, 20.0, bit_capacitance=1e-15, read="both"),
        Wires(1.0, 1.0, 3000.0, word_capacitance=1e-15, drive="both"),
        Wires(1.0, 1.0, sense=3000.0, bit_capacitance=1e-15, read="both"),
        Wires(20.0, 30.0, 100.0, 200.0, "both", "both", word_capacitance=1e-15, bit_capacitance=2e-15),
        Wires(1.0, 1.0, 1000.0, 500.0, "both", "both", word_capacitance=1e-15, bit_capacitance=1e-15),
    ],
    ids=[
        "terminals",
        "driver",
        "read-out",
        "wires",
        "two drivers",
        "two read-outs",
        "two drivers with a resistance",
        "two read-outs with a resistance",
        "wires with two ends",
        "terminals at two ends",
    ],
)
def test_settling(wires: Wires) -> None:
    """The stated time is enough for half an LSB of 8 bits of every column, and not five times too long."""
    g, v = _cells("settling", 16, 12), _volts("settling", 16)
    stated = wires.settling(16, 12, 8)
    raw = ngspice(array_netlist(g, wires, v, stop=3 * stated))
    outputs, exact = _outputs(raw, 12), (v @ wires.effective(g)).numpy()
    assert np.abs(outputs[-1] - exact).max() < 1e-6 * exact.max()
    outside = (np.abs(outputs - exact) > exact / 2**9).any(1)
    assert outside[1]
    taken = raw["time"][outside.nonzero()[0][-1] + 1]
    assert stated / 5 < taken < stated


@judge
def test_nothing_flows_before_the_step() -> None:
    g, v = _cells("step", 4, 3), _volts("step", 4)
    wires = Wires(10.0, 10.0, 1000.0, 1000.0, word_capacitance=1e-15, bit_capacitance=1e-15)
    raw = ngspice(array_netlist(g, wires, v, stop=1e-10))
    outputs = _outputs(raw, 3)
    assert raw["time"][0] == 0
    assert raw["time"][-1] == pytest.approx(1e-10, rel=1e-9, abs=0)
    assert np.abs(outputs[0]).max() < 1e-9 * np.abs(outputs[-1]).max()
    assert (np.diff(outputs, axis=0) > -1e-9 * outputs[-1]).all()  # rises, as nothing in it can swing


# ngspice as a program -------------------------------------------------------------------------------------------


@judge
def test_version() -> None:
    version = ngspice_version()
    assert version is not None
    assert version[0].isdigit()


def test_without_ngspice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert ngspice_version() is None
    with pytest.raises(SimulatorError, match="^ngspice is not installed; on Debian: apt-get install ngspice$"):
        ngspice("* nothing\n.end\n")


@judge
@pytest.mark.parametrize(
    ("netlist", "message"),
    [
        ("* a\nQ1\n.op\n.end\n", r"^ngspice gave no result \(.*line 2.*\); check the netlist$"),
        (
            "* a\nV1 a 0 1\nB1 a 0 I=foo(v(a))\n.op\n.end\n",
            r"^ngspice gave no result \(.*no such function 'foo'.*\); check the netlist$",
        ),
        (
            "* a\nV1 a 0 1\nR1 a 0 1\n.op\n.save i(v9)\n.end\n",
            r"^ngspice gave no result \(.*no data saved.*\); check the netlist$",
        ),
        ("* a\nV1 a 0 1\nR1 a 0 1\n.end\n", r"^ngspice gave no result \(exit code \d+\); check the netlist$"),
        ("", r"^ngspice gave no result \(.*there aren't any circuits.*\); check the netlist$"),
    ],
    ids=["an element without nodes", "an unknown function", "an unknown current", "no analysis", "nothing"],
)
def test_what_ngspice_does_not_understand(netlist: str, message: str) -> None:
    with pytest.raises(SimulatorError, match=message):
        ngspice(netlist)


@judge
def test_time_limit() -> None:
    endless = "* a\nV1 a 0 SIN(0 1 1e9)\nR1 a b 1\nC1 b 0 1p\n.tran 1p 1\n.save i(v1)\n.end\n"
    with pytest.raises(SimulatorError, match=r"^ngspice did not finish within 0.3 s; use a smaller array or a longer"):
        ngspice(endless, timeout=0.3)


# Raw files ------------------------------------------------------------------------------------------------------

HEADER = """\
Title: * a divider
Date: Thu Jan  1 00:00:00  1970
Plotname: Transient Analysis
Flags: {flags}
No. Variables: 3
No. Points: 4       \n\
Variables:
\t0\ttime\ttime
\t1\tv(Out)\tvoltage
\t2\ti(V1)\tcurrent
Binary:
"""
VALUES = np.array([[0.0, 1.0, -0.5], [1.0, 2.0, -1.0], [2.0, 3.0, -1.5], [4.0, 4.0, np.pi]])


def _raw(folder: Path, flags: str = "real", values: np.ndarray = VALUES, extra: bytes = b"") -> Path:
    path = folder / "some.raw"
    path.write_bytes(HEADER.format(flags=flags).encode() + values.astype("<f8").tobytes() + extra)
    return path


def test_a_raw_file_is_read(tmp_path: Path) -> None:
    raw = read_raw(_raw(tmp_path))
    assert list(raw) == ["time", "v(out)", "i(v1)"]
    for k, values in enumerate(raw.values()):
        assert values.tolist() == VALUES[:, k].tolist()
    raw["time"][0] = 7.0  # our own copy, not a window on the file
    assert read_raw(str(_raw(tmp_path)))["time"][0] == 0


def test_only_the_first_plot_is_read(tmp_path: Path) -> None:
    second = HEADER.format(flags="real").encode() + (2 * VALUES).tobytes()
    assert read_raw(_raw(tmp_path, extra=second))["v(out)"].tolist() == VALUES[:, 1].tolist()


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n", b"Title: * a\nValues:\n 0 1.0\n", b"Binary:\n\0\0"])
def test_a_foreign_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.raw"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"foreign.raw is not a binary raw file of ngspice; write it with 'ngspice -b"):
        read_raw(path)


@pytest.mark.parametrize("key", ["No. Variables", "No. Points"])
@pytest.mark.parametrize("value", ["", "four", "-4", "4.5", "0x4"])
def test_a_header_without_numbers(tmp_path: Path, key: str, value: str) -> None:
    path = _raw(tmp_path)
    path.write_bytes(re.sub(rf"{key}: \d".encode(), f"{key}: {value}".encode(), path.read_bytes()))
    with pytest.raises(FileError, match=r"some.raw is not a binary raw file of ngspice; write it with 'ngspice -b -r"):
        read_raw(path)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "gone.raw"
    with pytest.raises(FileError) as error:
        read_raw(path)
    assert str(error.value) == f"cannot read {path}: No such file or directory; give a raw file of ngspice"
    with pytest.raises(FileError, match="^cannot read .*: Is a directory; give a raw file of ngspice$"):
        read_raw(tmp_path)


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    path = _raw(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    message = r"some.raw is cut off: 4 points of 3 quantities are announced; simulate again$"
    with pytest.raises(FileError, match=message):
        read_raw(path)


def test_complex_numbers(tmp_path: Path) -> None:
    path = _raw(tmp_path, "complex", np.repeat(VALUES, 2, axis=1))
    message = r"some.raw holds complex numbers \(an .ac analysis\); only .op, .dc and .tran are read$"
    with pytest.raises(FileError, match=message):
        read_raw(path)


@judge
def test_a_file_of_ngspice_itself() -> None:
    raw = ngspice("* a divider\nV1 in 0 3\nR1 in out 1k\nR2 out 0 2k\n.dc V1 0 3 1\n.save v(out) i(v1)\n.end\n")
    assert raw["v(out)"].tolist() == pytest.approx([0.0, 2 / 3, 4 / 3, 2.0], rel=1e-9, abs=1e-12)
    assert raw["i(v1)"].tolist() == pytest.approx([0.0, -1e-3 / 3, -2e-3 / 3, -1e-3], rel=1e-9, abs=1e-15)
