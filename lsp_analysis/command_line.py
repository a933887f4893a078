"""How a command line of ``lsp-analysis`` is read; `cli` says what each command does."""

import argparse
import contextlib
import io
import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from lsp_analysis import __version__
from lsp_analysis.errors import did_you_mean

LIST_ITEM = "\n  "
USAGE = 2
_LONG = re.compile(r"(\S{200})\S{200,}")  # a word that nobody reads to its end
_NO_SUCH_CHOICE = re.compile(r"argument (\S+): invalid choice: '(.*?)'.*\(choose from (.*)\)", re.S)

_TYPES = {"int": int, "float": float}


def read_command_line(words: Sequence[str]) -> argparse.Namespace:
    """The command that `words` ask for, as ``command``, and its arguments.

    Words that cannot be read end the program with one sentence on stderr and exit code 2.
    """
    parser = _Parser(
        prog="lsp-analysis",
        description="Where are we at? What works? What do we need to do differently?",
        epilog="Each command explains itself, for example: lsp-analysis report --help",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"lsp-analysis {__version__}")
    told = tomllib.loads(Path(__file__).with_name("commands.toml").read_text(encoding="utf-8"))
    shared = {name: told.pop(name) for name in list(told) if name.startswith("@")}
    _subcommands(parser, "command", told, shared)
    return parser.parse_args(words)


def ready_streams() -> None:
    """Make the standard streams fit for any text, and be there.

    A name that a terminal cannot show must stop nothing, and no file that is opened later may take
    the place of a stream that was closed.
    """
    for number, (name, mode) in enumerate([("stdin", "r"), ("stdout", "w"), ("stderr", "w")]):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
        if isinstance(getattr(sys, name), io.TextIOWrapper):
            getattr(sys, name).reconfigure(errors="backslashreplace")


def return_to_folder() -> None:
    """Go to the folder that has taken the place of the current one, as after `add` within it."""
    try:
        os.getcwd()
    except OSError:
        with contextlib.suppress(OSError, KeyError):
            os.chdir(os.environ["PWD"])


def settle_streams() -> None:
    """Write out what is left for the standard streams, or let go of it where nobody reads it.

    Python would else end with an exit code of its own, 120.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_text(text: str) -> None:
    """Print `text`, whether or not its reader, `head` perhaps, has seen enough."""
    with contextlib.suppress(BrokenPipeError):  # `settle_streams` lets go of it
        print(text, flush=True)


def print_progress(line: str) -> None:
    """Print one line of progress on stderr; work goes on where it cannot be printed."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def print_error(what: object, code: int) -> int:
    """Say `what` went wrong on stderr, an indented list a line each, and return the exit `code`."""
    lines = str(what).split(LIST_ITEM)
    plain = ["".join(mark if mark.isprintable() else " " for mark in line) for line in lines]
    print_progress(_LONG.sub(r"\1...", f"lsp-analysis: {LIST_ITEM.join(plain)}"))
    return code


def _subcommands(
    parser: argparse.ArgumentParser, kind: str, told: Mapping[str, Any], shared: Mapping[str, Any]
) -> None:
    """Describe to `parser` the commands of ``commands.toml``, or the acts of one of them."""
    added = parser.add_subparsers(
        title=f"{kind}s", metavar=kind.upper(), dest=kind, required=True, parser_class=_Parser
    )
    for name, about in told.items():
        words = {"help": about["help"], "description": about["help"]}
        words |= {"epilog": shared[about["epilog"]]["text"]} if "epilog" in about else {}
        one = added.add_parser(name, **words, allow_abbrev=False)
        if "acts" in about:
            _subcommands(one, "act", about["acts"], shared)
        for flags, options in about.get("arguments", {}).items():
            for each, given in shared.get(flags, {flags: options}).items():
                typed = {"type": _TYPES[given["type"]]} if "type" in given else {}
                one.add_argument(*each.split(), **given | typed)


class _Parser(argparse.ArgumentParser):
    """Argparse that answers a mistake with a sentence and the nearest choice there is."""

    def error(self, message: str) -> NoReturn:
        """Exit with `message` and the way to more help."""
        if found := _NO_SUCH_CHOICE.match(message):
            what, given, listed = found.groups()
            choices = listed.replace("'", "").split(", ")
            nearest = did_you_mean(given, choices) or f" Choose from {', '.join(choices)}."
            message = f'there is no {what.lower()} "{given}".{nearest}'
        end = "" if message.endswith((".", "?")) else "."
        sys.exit(print_error(f"{message}{end} See: {self.prog} --help", USAGE))
