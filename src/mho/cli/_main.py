"""The commands. A user's error is one sentence on stderr and exit code 2; Ctrl-C is exit code 130 and leaves no half
file.
"""

from __future__ import annotations

import importlib
import sys
from typing import Annotated

import typer

from mho.core import MhoError

app = typer.Typer(
    help="What a compute-in-memory chip does with a neural network: accuracy, energy, latency, area, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_INTERRUPTED = 130


def _version(wanted: bool) -> bool:
    if wanted:
        from mho import __version__

        typer.echo(f"mho {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _root(  # pyright: ignore[reportUnusedFunction]
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """What a compute-in-memory chip does with a neural network: accuracy, energy, latency, area, and why."""


def register() -> None:
    """Import the modules of all commands: they register themselves."""
    commands = (
        *(
            "_run",
            "_evaluate",
            "_quantize",
            "_summary",
            "_inspect",
            "_adc",
            "_dac",
            "_cost",
            "_fit",
            "_systems",
            "_scenario",
        ),
        *("_reproduce", "_validate"),
    )
    for name in commands:
        importlib.import_module(f".{name}", __package__)


def main() -> None:
    """Run the command line."""
    sys.path.append("")  # models and plugins may be modules of the current folder
    try:
        register()
        app(standalone_mode=True)
    except MhoError as error:
        typer.echo(f"mho: {error}", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, SystemExit) as end:
        if isinstance(end, SystemExit) and end.code != _INTERRUPTED:
            raise
        typer.echo("mho: stopped; nothing was half written", err=True)  # typer makes an exit of Ctrl-C
        sys.exit(_INTERRUPTED)
