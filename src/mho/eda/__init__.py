"""Circuits for other tools: netlists of arrays, and an external simulator as the judge of our own solutions."""

from ._netlist import array_netlist as array_netlist
from ._ngspice import ngspice as ngspice
from ._ngspice import ngspice_version as ngspice_version
from ._ngspice import read_raw as read_raw
from ._rails import rail_netlist as rail_netlist
