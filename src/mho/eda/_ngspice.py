"""ngspice, run as a program of its own, and its raw files."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mho.core import FileError, SimulatorError


def ngspice_version() -> str | None:
    """Return the version of the ngspice on the path; None if there is none."""
    program = shutil.which("ngspice")
    if program is None:
        return None
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"ngspice-(\S+)", text)
    return found[1] if found else "unknown"


def ngspice(netlist: str, timeout: float = 600.0) -> Mapping[str, np.ndarray]:
    """Simulate a netlist; returns each saved quantity, `[points]`, by its lower-case name.

    Raises:
        SimulatorError: if ngspice is missing, does not understand the netlist or takes longer than `timeout` seconds.
    """
    program = shutil.which("ngspice")
    if program is None:
        raise SimulatorError("ngspice is not installed; on Debian: apt-get install ngspice")
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "circuit.cir", Path(folder) / "circuit.raw"
        source.write_text(netlist, encoding="utf-8")
        command = [program, "-b", "-n", "-r", str(result), str(source)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, cwd=folder)
        except subprocess.TimeoutExpired:
            raise SimulatorError(
                f"ngspice did not finish within {timeout:g} s; use a smaller array or a longer timeout"
            ) from None
        said = [line for line in (done.stderr + done.stdout).splitlines() if re.search(r"error|fail|can't", line, re.I)]
        try:
            return read_raw(result)
        except FileError:
            reason = said[0].strip() if said else f"exit code {done.returncode}"
            raise SimulatorError(f"ngspice gave no result ({reason}); check the netlist") from None


def read_raw(path: str | Path) -> Mapping[str, np.ndarray]:
    """Read the first plot of a binary raw file of ngspice: each real quantity, `[points]`, by its lower-case name.

    Raises:
        FileError: if the file is none, is damaged, or holds complex numbers.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}; give a raw file of ngspice") from None
    head, mark, body = data.partition(b"Binary:\n")
    fields = dict(re.findall(r"^([^:\n\t]+):[ \t]*(.*)$", head.decode("latin-1"), re.M))
    if not mark or not all(fields.get(k, "").strip().isdigit() for k in ("No. Variables", "No. Points")):
        raise FileError(f"{path} is not a binary raw file of ngspice; write it with 'ngspice -b -r {Path(path).name}'")
    if "complex" in fields.get("Flags", ""):
        raise FileError(f"{path} holds complex numbers (an .ac analysis); only .op, .dc and .tran are read")
    count, points = int(fields["No. Variables"]), int(fields["No. Points"])
    if len(body) < 8 * count * points:
        raise FileError(f"{path} is cut off: {points} points of {count} quantities are announced; simulate again")
    names = re.findall(r"^\t\d+\t(\S+)\t", head.decode("latin-1"), re.M)
    values = np.frombuffer(body, dtype="<f8", count=count * points).reshape(points, count)
    return {name.lower(): values[:, k].copy() for k, name in enumerate(names)}
