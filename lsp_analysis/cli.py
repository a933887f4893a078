"""The ``lsp-analysis`` command: a table of contents of what the package does for a study folder."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsp_analysis import __version__
from lsp_analysis.errors import LspError, ParameterError, did_you_mean
from lsp_analysis.resources import study_path

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 when all went well; 1 when a check found problems, a report could not be made or a
    request cannot be answered (one sentence on stderr); 2 for a command line that cannot be
    read; 130 when interrupted.
    """
    arguments = _read(sys.argv[1:] if argv is None else list(argv))
    try:
        code = arguments.run(arguments)
        sys.stdout.flush()
    except LspError as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt:
        return _complain("interrupted.", INTERRUPTED)
    except BrokenPipeError:
        # The reader, `head` perhaps, has seen enough; keep Python's own flush at exit quiet too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        return _complain(f"{error.filename or 'the system'}: {error.strerror or error}.", FAILED)
    return code


def _read(words: list[str]) -> argparse.Namespace:
    parser, names = _parser()
    if words and not words[0].startswith("-") and words[0] not in names:
        parser.error(f'there is no command "{words[0]}".{did_you_mean(words[0], names)}')
    return parser.parse_args(words)


def _parser() -> tuple[argparse.ArgumentParser, list[str]]:
    parser = _Parser(
        prog="lsp-analysis",
        description="Where are we at? What works? What do we need to do differently?",
        epilog="Each command explains itself, for example: lsp-analysis report --help",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"lsp-analysis {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name, run, summary):
        added = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        added.set_defaults(run=run)
        return added

    check = command("check", _check, "list every problem in a study, each with its remedy")
    _takes_study(check)

    imported = command("import", _import, "turn publishers' own files into a study")
    imported.add_argument("folder", help="folder of files as their publishers give them out")
    imported.add_argument("--borough", required=True, metavar="CODE", help="such as E08000001")
    imported.add_argument("--neighbourhoods", metavar="CSV", help="names and small-area codes")
    imported.add_argument("--out", required=True, metavar="STUDY", help="study folder to write")

    report = command("report", _report, "write one area's page and its executed notebook")
    _takes_study(report)
    report.add_argument("--area", required=True, help="name or code of the area")
    _takes_page(report)

    reports = command("reports", _reports, "write a page for each of many areas, and an index")
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

    new = command("new", _new, "start a study of your own, with example rows to replace")
    new.add_argument("study", help="study folder to write")

    add = command("add", _add, "take a table of your own into a study, checked")
    add.add_argument("study", help="study folder to add to")
    add.add_argument("file", help="CSV or Excel: code, period, numerator, denominator")
    add.add_argument("--indicator", default="", metavar="ID", help="what the numbers are of")
    add.add_argument("--freq", choices=["M", "Q", "Y", "Y-MAR"], help="if a period is one day")
    add.add_argument("--sheet", help="sheet of a workbook")
    add.add_argument("--replace", action="store_true", help="overwrite rows that are there")
    _takes_settings(add, "facts", "a fact of a new indicator, for example -p unit=per_1000")

    _takes_acts(command("design", _design, "plan an experiment, freeze it, draw it, verify it"))
    return parser, list(commands.choices)


def _takes_acts(design: argparse.ArgumentParser) -> None:
    acts = design.add_subparsers(title="acts", metavar="ACT", dest="act", required=True)

    def act(name, summary):
        added = acts.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        added.add_argument("folder", help="folder of the experiment")
        return added

    act("new", "write a design and units to fill in")
    register = act("register", "freeze the design, or amend it with a reason")
    register.add_argument("--note", default="", metavar="REASON", help="why it is amended")
    register.add_argument(
        "--redraw", action="store_true", help="ask for the units to be drawn again"
    )
    verify = act("verify", "prove that nothing on record was changed")
    verify.add_argument("--head", default="", metavar="HASH", help="as the other party holds it")
    draw = act("draw", "draw the units, once")
    draw.add_argument("--text", required=True, help="public text that the other party gives")
    page = act("page", "write the protocol as a page to print")
    page.add_argument("--out", default="", metavar="HTML", help="where to, if not into the folder")


def _check(arguments: argparse.Namespace) -> int:
    from lsp_analysis.study.check import check_study, render

    problems = check_study(study_path(arguments.study))
    print(render(problems))
    return FAILED if problems else OK


def _import(arguments: argparse.Namespace) -> int:
    from lsp_analysis.sources import import_study

    path = import_study(
        arguments.folder,
        borough=arguments.borough,
        neighbourhoods=arguments.neighbourhoods,
        out=arguments.out,
    )
    print(f"The study is in {path}. Next: lsp-analysis check {path}")
    return OK


def _report(arguments: argparse.Namespace) -> int:
    from lsp_analysis.reports.runner import run_report

    record = run_report(arguments.study, arguments.area, **_page_of(arguments))
    print(record.sentence())
    return OK


def _reports(arguments: argparse.Namespace) -> int:
    from lsp_analysis.reports.batch import run_reports

    batch = run_reports(
        arguments.study,
        arguments.areas,
        decile=arguments.decile,
        every_area=arguments.all,
        batch_file=arguments.batch,
        workers=arguments.workers,
        resume=arguments.resume,
        shard=arguments.shard,
        scheduler=arguments.scheduler,
        progress=lambda line: print(line, file=sys.stderr, flush=True),
        **_page_of(arguments),
    )
    print(batch.sentence())
    return FAILED if batch.failed else OK


def _new(arguments: argparse.Namespace) -> int:
    from lsp_analysis.study import new_study

    path = new_study(arguments.study)
    print(f"The study is in {path}. Replace its example rows, then: lsp-analysis check {path}")
    return OK


def _add(arguments: argparse.Namespace) -> int:
    from lsp_analysis.study import add_table

    options = {
        "indicator_id": arguments.indicator,
        "freq": arguments.freq,
        "sheet": arguments.sheet,
        "replace": arguments.replace,
    }
    facts = _settings(arguments.facts)
    for name in facts.keys() & {*options, "study_path", "file"}:
        raise ParameterError(f'"{name}" is no fact of an indicator. See: lsp-analysis add --help')
    print(add_table(Path(arguments.study), arguments.file, **options, **facts).sentence())
    return OK


def _design(arguments: argparse.Namespace) -> int:
    from lsp_analysis.experiments import commands

    acts = {"new": commands.new, "register": commands.register, "verify": commands.check}
    acts |= {"draw": commands.draw, "page": commands.page}
    known = ("note", "redraw", "head", "text", "out")
    options = {name: value for name, value in vars(arguments).items() if name in known}
    print(acts[arguments.act](arguments.folder, **options))
    return OK


def _settings(settings: list[str]) -> dict[str, str]:
    """``["start=2008-04"]`` as a mapping; whoever takes it knows the names and their types."""
    pairs = [setting.partition("=") for setting in settings]
    for setting, (name, equals, _) in zip(settings, pairs, strict=True):
        if not (name and equals):
            raise ParameterError(f'"{setting}" sets nothing. Write it as name=value.')
    return {name: value for name, _, value in pairs}


def _takes_study(command: argparse.ArgumentParser) -> None:
    command.add_argument("study", help="study folder, or the name of one that ships: bolton_demo")


def _takes_page(command: argparse.ArgumentParser) -> None:
    command.add_argument("--template", default="report_area", metavar="NAME", help="notebook")
    command.add_argument("--out", default="reports/rendered", metavar="FOLDER", help="where to")
    command.add_argument("--formats", default="html", help="html, or html,pdf")
    command.add_argument("--timeout", type=float, metavar="SECONDS", help="to stop a report after")
    command.add_argument("--memory", type=float, metavar="MEGABYTES", help="to stop a report above")
    command.add_argument("--engine", default="", help="fork or kernel; by default the best here")
    _takes_settings(command, "parameters", "a parameter of the notebook, such as -p start=2008-04")


def _page_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keywords of the report runner that `_takes_page` asked for; unset limits are its own."""
    limits = {"timeout": arguments.timeout, "memory": arguments.memory}
    return {
        "template": arguments.template,
        "out": arguments.out,
        "formats": arguments.formats.split(","),
        "engine": arguments.engine,
        "parameters": _settings(arguments.parameters),
        **{name: limit for name, limit in limits.items() if limit is not None},
    }


def _takes_settings(command: argparse.ArgumentParser, dest: str, summary: str) -> None:
    command.add_argument(
        *("-p", "--set"), dest=dest, action="append", default=[], metavar="NAME=VALUE", help=summary
    )


class _Parser(argparse.ArgumentParser):
    """Argparse that answers a mistake with a sentence instead of the whole usage."""

    def error(self, message):
        """Exit with `message` and the way to more help."""
        sys.exit(_complain(f"{message.rstrip('.')}. See: {self.prog} --help", USAGE))


def _complain(what: object, code: int) -> int:
    print(f"lsp-analysis: {what}", file=sys.stderr)
    return code
