"""Backends that run programs: torch (fast) and reference (slow, literal)."""

from ._backend import AbstractBackend as AbstractBackend
from ._reference import ReferenceBackend as ReferenceBackend
from ._run import Run as Run
from ._run import run as run
from ._sensitivity import sensitivity as sensitivity
from ._torch import TorchBackend as TorchBackend
