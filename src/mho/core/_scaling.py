"""`Scaling`: from one technology node and supply to another, as ratios that each part applies to its own numbers."""

from __future__ import annotations

from dataclasses import dataclass

from ._units import Metre, Ratio, SquareMetre, Volt


@dataclass(frozen=True)
class Scaling:
    """What changes from one node and supply to another: new over old. `Technology.scaling` makes one."""

    old: Metre
    new: Metre
    supply: Volt
    """The new one."""
    voltage: Ratio
    capacitance: Ratio
    """Of a gate."""
    delay: Ratio
    """Of a gate, at the two supplies."""
    area: Ratio
    """Of a gate."""
    leakage: Ratio
    """Of a gate."""
    sram_cell: Ratio
    """Area of the densest six-transistor cell."""
    sram_energy: Ratio
    """Of an access to a local buffer."""
    sram_area: Ratio
    """Of a local buffer with its periphery."""
    metal_pitch: Ratio
    analog_capacitance: Ratio
    """Of analog circuits as far as they shrink; what noise and matching ask for does not."""
    analog_area: Ratio
    access_floor: SquareMetre
    """The least area of a cell whose access transistor carries the current of writing."""

    @property
    def energy(self) -> Ratio:
        """Of a gate's switching, C V^2."""
        return self.capacitance * self.voltage**2

    @property
    def analog_energy(self) -> Ratio:
        """Of an analog circuit's switching, C V^2."""
        return self.analog_capacitance * self.voltage**2

    @property
    def analog_power(self) -> Ratio:
        """Of a bias current in an analog circuit that has to be as fast as before."""
        return self.analog_capacitance * self.voltage
