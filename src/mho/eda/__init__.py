"""Circuits for other tools: netlists of arrays and cells, and an external simulator as the judge of our solutions."""

from mho.core import Room

from ._netlist import array_netlist as array_netlist
from ._ngspice import ngspice as ngspice
from ._ngspice import ngspice_version as ngspice_version
from ._ngspice import read_raw as read_raw
from ._qcell import QCellPeriphery as QCellPeriphery
from ._qcell import qcell_evaluation_netlist as qcell_evaluation_netlist
from ._qcell import qcell_netlist as qcell_netlist
from ._rails import rail_netlist as rail_netlist

ROOMS = (Room(QCellPeriphery, {"QCellPeriphery": QCellPeriphery}, "peripheries"),)
