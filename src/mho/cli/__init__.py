"""The command line: `mho run`, `evaluate`, `tile`, `chips`, `check`, `show`, `cite`, `reproduce`."""

from ._main import app as app
from ._main import main as main
