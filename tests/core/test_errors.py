"""The error family and its hints."""

import pytest

import mho.core as core
from mho.core import FileError, MhoError, RangeWarning, SpecError, nearest


def test_one_family() -> None:
    family = {name for name in dir(core) if name.endswith("Error")}
    assert family == {
        "CapacityError", "ConvergenceError", "FileError", "MhoError", "ShapeError", "SimulatorError", "SpecError",
        "UnsupportedOpError",
    }  # fmt: skip
    assert all(issubclass(getattr(core, name), MhoError) for name in family)
    assert issubclass(RangeWarning, UserWarning)
    assert not issubclass(FileError, OSError)


def test_spec_error_lists_all_problems() -> None:
    one = SpecError(["a: wrong"], where="x.toml")
    assert str(one) == "x.toml: a: wrong"
    two = SpecError(["a: wrong", "b: wrong"], where="x.toml")
    assert str(two) == "x.toml: \n  - a: wrong\n  - b: wrong"
    assert two.problems == ("a: wrong", "b: wrong")
    assert str(SpecError(["a: wrong"])) == "a: wrong"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("g_mx", "did you mean 'g_max'? (allowed: area, g_max)"),
        ("zzzz", "(allowed: area, g_max)"),
        ("", "(allowed: area, g_max)"),
    ],
)
def test_nearest(name: str, text: str) -> None:
    assert nearest(name, ["g_max", "area"]) == text
