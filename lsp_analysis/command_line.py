"""How a command line of ``lsp-analysis`` is read; `cli` says what each command does."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from lsp_analysis import __version__
from lsp_analysis.errors import did_you_mean

LIST_ITEM = "\n  "
USAGE = 2
_LONG = re.compile(r"(\S{200})\S{200,}")  # a word that nobody reads to its end
_NO_SUCH_CHOICE = re.compile(r"argument (\S+): invalid choice: '(.*?)'.*\(choose from (.*)\)", re.S)

Command = Callable[..., argparse.ArgumentParser]
CODES = (
    "Exit codes: 0, all reports are made or up to date; 1, some could not be made; 2, they cannot "
    "be made as asked for, and nothing was started; 130, interrupted."
)


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
    command = _subcommands(parser, "command")
    for describe in (
        _check,
        _fetch,
        _import,
        _report,
        _reports,
        _audit,
        _aggregate,
        _new,
        _add,
        _template,
        _design,
        _notebooks,
    ):
        describe(command)
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
    try:
        print(text, flush=True)
    except BrokenPipeError:  # keep Python's own flush at exit quiet too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_progress(line: str) -> None:
    """Print one line of progress on stderr; work goes on where it cannot be printed."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def print_error(what: object, code: int) -> int:
    """Say `what` went wrong on stderr, an indented list a line each, and return the exit `code`."""
    lines = [
        _LONG.sub(r"\1...", "".join(mark if mark.isprintable() else " " for mark in line))
        for line in str(what).split(LIST_ITEM)
    ]
    print_progress(f"lsp-analysis: {LIST_ITEM.join(lines)}")
    return code


def _subcommands(parser: argparse.ArgumentParser, kind: str) -> Command:
    """A function that adds a subcommand of `parser` by its name and summary."""
    added = parser.add_subparsers(
        title=f"{kind}s", metavar=kind.upper(), dest=kind, required=True, parser_class=_Parser
    )
    return lambda name, summary, epilog=None: added.add_parser(
        name, help=summary, description=summary, epilog=epilog, allow_abbrev=False
    )


def _check(command: Command) -> None:
    check = command("check", "list every problem in a study, each with its remedy")
    _takes_study(check)


def _fetch(command: Command) -> None:
    fetch = command("fetch", "download what a borough's study needs from the publishers")
    fetch.add_argument("borough", nargs="?", default="", help="code such as E08000001")
    fetch.add_argument("--out", default="", metavar="FOLDER", help="folder to fill")
    fetch.add_argument("--list", action="store_true", help="show data sets, licences and sizes")
    fetch.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these alone")
    fetch.add_argument("--addresses", metavar="CSV", help="your copy of the table of addresses")


def _import(command: Command) -> None:
    imported = command("import", "turn publishers' own files into a study")
    imported.add_argument("folder", help="folder of files as their publishers give them out")
    imported.add_argument("--borough", required=True, metavar="CODE", help="such as E08000001")
    imported.add_argument("--neighbourhoods", metavar="CSV", help="names and small-area codes")
    imported.add_argument("--out", required=True, metavar="STUDY", help="study folder to write")
    years = [2001, 2011, 2021]
    imported.add_argument("--vintage", type=int, choices=years, default=2011, help="year of LSOAs")


def _report(command: Command) -> None:
    report = command("report", "write one area's page and its executed notebook", CODES)
    _takes_study(report)
    report.add_argument("--area", required=True, help="name or code of the area")
    _takes_page(report)


def _reports(command: Command) -> None:
    reports = command("reports", "write a page for each of many areas, and an index", CODES)
    _takes_study(reports)
    reports.add_argument("--areas", nargs="+", default=[], metavar="AREA", help="names or codes")
    reports.add_argument("--decile", type=int, help="small areas in this tenth, 1 most deprived")
    reports.add_argument("--all", action="store_true", help="every small area of the study")
    reports.add_argument("--batch", metavar="YAML", help="a file that mixes areas and parameters")
    _takes_page(reports)
    reports.add_argument("--workers", type=int, default=0, metavar="N", help="at work at a time")
    reports.add_argument("--resume", action="store_true", help="leave what is up to date alone")
    reports.add_argument("--shard", default="", metavar="I/N", help="only this part of the batch")
    reports.add_argument("--scheduler", default="", help="of Dask: local, or tcp://host:8786")


def _audit(command: Command) -> None:
    audit = command("audit", "try to work withheld counts out from finished pages")
    audit.add_argument("folder", help="folder of pages, or of tables with totals")


def _aggregate(command: Command) -> None:
    aggregate = command("aggregate", "turn agencies' records into counts that are safe to share")
    aggregate.add_argument("extracts", nargs="+", help="CSV: person_id, date, area_code, agency")
    aggregate.add_argument("--key-file", default="", help="file with the secret that hides ids")
    aggregate.add_argument("--postcodes", default="", metavar="CSV", help="postcode, area_code")
    aggregate.add_argument("--every", default="quarter", help="month, quarter or year")
    aggregate.add_argument("--profile", default="nhs", help="small-number rule, such as ons_5")
    aggregate.add_argument("--out", default="", metavar="CSV", help="by default beside you")


def _new(command: Command) -> None:
    new = command("new", "start a study of your own, with example rows to replace")
    new.add_argument("study", help="study folder to write")


def _add(command: Command) -> None:
    add = command("add", "take a table of your own into a study, checked")
    add.add_argument("study", help="study folder to add to")
    add.add_argument("file", help="CSV or Excel: code, period, numerator, denominator")
    add.add_argument("--indicator", default="", metavar="ID", help="what the numbers are of")
    freqs = ["M", "Q", "Y", "Y-MAR", "Y-AUG"]
    add.add_argument("--freq", choices=freqs, default="", help="length of a period, if not told")
    add.add_argument("--period", default="", help="column of periods, or the one period: 2019/20")
    add.add_argument("--code-column", default="", metavar="HEADING", help="column of areas' codes")
    add.add_argument("--sheet", default="", help="sheet of a workbook")
    add.add_argument("--replace", action="store_true", help="overwrite rows that are there")
    _takes_settings(add, "facts", "a fact of a new indicator, for example -p unit=per_1000")


def _template(command: Command) -> None:
    act = _subcommands(command("template", "a report of your own: start one, check one"), "act")
    new = act("new", "write a commented report notebook and its house style")
    check = act("check", "make a page from a template and say what it shows")
    for one in (new, check):
        one.add_argument("notebook", help="path ending .ipynb")
    check.add_argument("--study", default="bolton_demo", help="study to try it on")


def _design(command: Command) -> None:
    act = _subcommands(command("design", "plan, draw, analyse and check an experiment"), "act")
    summaries = {
        "new": "write a design and units to fill in",
        "pair": "match the units in pairs, before the design is registered",
        "buffer": "leave out neighbours of units that take part, before it is registered",
        "register": "freeze the design, or amend it with a reason",
        "draw": "draw the units, once",
        "page": "write the protocol as a page to print",
        "look": "look at outcomes before the end, on record",
        "analyse": "open the outcomes and write what was found",
        "verify": "check that nothing on record was changed, and say what was not checked",
        "decide": "put a decision about an arm on record",
        "next": "start the next round from the design of this one",
        "pool": "the effect of an arm over several rounds",
    }
    acts = {name: act(name, summary) for name, summary in summaries.items()}
    for one in acts.values():
        one.add_argument("folder", help="folder of the experiment")
    for name in ("look", "analyse"):
        acts[name].add_argument("outcomes", help="CSV, a row per unit or person, with its unit")
    acts["pair"].add_argument("--on", required=True, metavar="COLUMNS", help="such as a,b")
    register = acts["register"]
    register.add_argument("--note", default="", metavar="REASON", help="why it is amended")
    register.add_argument("--redraw", action="store_true", help="the units may be drawn again")
    register.add_argument(
        "--accept", default="", metavar="REASON", help="why, if its test can never find an effect"
    )
    acts["verify"].add_argument(
        "--head", default="", metavar="HASH", help="as the other party holds it"
    )
    acts["draw"].add_argument("--text", required=True, help="public text of the other party")
    acts["page"].add_argument("--out", default="", metavar="HTML", help="if not into the folder")
    acts["next"].add_argument("--out", required=True, metavar="FOLDER", help="of the next round")
    acts["pool"].add_argument("others", nargs="+", help="folders of the other rounds")
    for name in ("decide", "pool"):
        acts[name].add_argument("--arm", required=True, help="name of the arm, as in the design")
    decide = acts["decide"]
    decide.add_argument("--decision", required=True, help="continue, adapt, stop or scale")
    decide.add_argument("--reason", required=True, help="why")
    decide.add_argument("--by", required=True, help="who decided")


def _notebooks(command: Command) -> None:
    notebooks = command("notebooks", "copy the notebooks into a folder, to open in JupyterLab")
    notebooks.add_argument("folder", help="folder to copy them into")


def _takes_study(command: argparse.ArgumentParser) -> None:
    command.add_argument("study", help="study folder, or the name of one that ships: bolton_demo")


def _takes_page(command: argparse.ArgumentParser) -> None:
    command.add_argument("--template", default="report_area", metavar="NAME", help="notebook")
    command.add_argument("--out", default="reports/rendered", metavar="FOLDER", help="where to")
    command.add_argument(
        "--audience", default="", help="internal, partners or public: what may be shown"
    )
    command.add_argument("--formats", default="html", help="html, or html,pdf")
    command.add_argument("--timeout", type=float, metavar="SECONDS", help="to stop a report after")
    command.add_argument("--memory", type=float, metavar="MEGABYTES", help="to stop a report above")
    command.add_argument("--engine", default="", help="fork or kernel; by default the best here")
    _takes_settings(command, "parameters", "a parameter of the notebook, such as -p start=2008-04")


def _takes_settings(command: argparse.ArgumentParser, dest: str, summary: str) -> None:
    command.add_argument(
        *("-p", "--set"), dest=dest, action="append", default=[], metavar="NAME=VALUE", help=summary
    )


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
