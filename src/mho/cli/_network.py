"""A network of the user's own, as commands take it: a file, or a function that returns a module."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from mho.core import FileError

if TYPE_CHECKING:
    from torch import nn


def network_of(text: str) -> nn.Module | Path:
    """Return the path of a `.pt2` or `.onnx` file, or what `package.module:factory` makes.

    Raises:
        FileError: if there is no such function, or it returns no module.
    """
    return _factory(text) if ":" in text else Path(text)


def _factory(text: str) -> nn.Module:
    from torch import nn

    module, _, name = text.partition(":")
    try:
        factory = getattr(importlib.import_module(module), name)
    except (ImportError, ValueError) as error:
        raise FileError(f"{text!r} cannot be imported ({error}); run mho where {module!r} can be found") from None
    except AttributeError:
        raise FileError(f"{module!r} has no {name!r}; give package.module:factory") from None
    except Exception as error:  # a user's module may raise anything
        raise FileError(f"importing {module!r} failed ({type(error).__name__}: {error}); repair it first") from None
    try:
        made = factory()
    except Exception as error:
        raise FileError(
            f"{text!r} cannot be called without arguments ({type(error).__name__}: {error}); "
            "give a function that returns the network"
        ) from None
    if not isinstance(made, nn.Module):
        raise FileError(f"{text!r} must return a torch nn.Module, not {type(made).__name__}")
    return made
