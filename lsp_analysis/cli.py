"""The ``lsp-analysis`` command: a table of contents of what the package does for a study folder."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsp_analysis import __version__, command_line, durable, errors
from lsp_analysis.command_line import print_error, print_progress
from lsp_analysis.errors import ParameterError
from lsp_analysis.resources import copy_notebooks, study_path

if TYPE_CHECKING:
    from lsp_analysis.reports.job.selection import Entry

Outcome = tuple[str, Any]  # what a command has to say, and whether something failed
OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
NEEDED = ("study", "folder", "file", "notebook", "outcomes")  # arguments that are paths
PATHS = (*NEEDED, "out", "batch", "extracts", "others", "key_file", "postcodes", "addresses")
PATHS += ("neighbourhoods",)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 when all went well; 1 when a check found problems, a report could not be made or a step
    could not be taken (one sentence on stderr); 2 for a command line that cannot be read, or
    reports that cannot be made as they are asked for; 130 when interrupted.
    """
    command_line.ready_streams()
    words = sys.argv[1:] if argv is None else argv
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *more: Any, **named: Any) -> None:
        """A notice for the reader is a sentence; other warnings are shown as usual."""
        if issubclass(category, errors.InternalNotice | errors.RepairNotice):
            print_progress(f"lsp-analysis: {message}")
        else:
            usual(message, category, *more, **named)

    try:
        with warnings.catch_warnings():
            warnings.showwarning = show
            command_line.return_to_folder()
            return _run(command_line.read_command_line(words))
    finally:
        command_line.settle_streams()


def _run(arguments: argparse.Namespace) -> int:
    """Do what was asked for; errors become sentences and exit codes."""
    try:
        with durable.as_interrupts():
            _check_paths(vars(arguments))
            said, failed = COMMANDS[arguments.command](arguments)
            command_line.print_text(said)
            return FAILED if failed else OK
    except errors.LspError as error:
        # Reports that were begun have failed; others were refused before anything started.
        refused = arguments.command in ("report", "reports")
        refused = refused and not isinstance(error, errors.UnfinishedError)
        return print_error(error, REFUSED if refused else FAILED)
    except KeyboardInterrupt:
        return print_error(_INTERRUPTED.get(arguments.command, "interrupted."), INTERRUPTED)
    except OSError as error:
        told = f"{error.filename or 'the system'}: {error.strerror or error}."
    except MemoryError:
        told = "there is not enough memory, or ulimit allows too little of it."
    except ImportError as error:
        told = (
            f"a part of Python cannot be loaded ({' '.join(str(error).split())[:200]}). Install "
            "lsp-analysis again, or let it have more memory and open files (ulimit -v, ulimit -n)."
        )
    except SystemExit:
        raise
    except BaseException as error:  # a panic of a compiled library is no Exception
        told = _fault_of_ours(error, arguments)
    return print_error(told, FAILED)


def _check_paths(arguments: dict[str, Any]) -> None:
    """Refuse, before anything is done, paths that no system takes, and pipes and devices."""
    for name in PATHS:
        given = arguments.get(name) or []
        for path in [given] if isinstance(given, str) else given:
            durable.settled(path)
        if name in NEEDED and arguments.get(name) == "":
            raise ParameterError(f"The {name} is an empty text. Give a path; . is this folder.")


def _fault_of_ours(error: BaseException, arguments: argparse.Namespace) -> str:
    """One sentence on an error that nobody foresaw, with a file to send to whoever can mend it."""
    said = " ".join(str(error).split())[:160]
    told = f"this is a fault of lsp-analysis and not yours ({type(error).__name__}: {said})."
    try:
        handle, name = tempfile.mkstemp(prefix="lsp-analysis-fault-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"lsp-analysis {__version__}, Python {sys.version}, {sys.platform}\n")
            file.write(f"{vars(arguments)}\n\n")
            traceback.print_exception(error, file=file)
    except OSError as unwritten:
        return f"{told} Please report it; no file could be written ({unwritten.strerror})."
    return f"{told} Please report it with the file {name}."


_INTERRUPTED = {
    "report": "interrupted. No report was made; one that was there before is as it was.",
    "reports": "interrupted. What is done is kept: --resume goes on from there.",
}


def _check(arguments: argparse.Namespace) -> Outcome:
    from lsp_analysis.study.check.whole_study import check_study, render

    problems = check_study(study_path(arguments.study))
    return render(problems), problems


def _import(arguments: argparse.Namespace) -> Outcome:
    from lsp_analysis.sources import import_study

    options = _given(arguments, "borough", "neighbourhoods", "out", "vintage")
    done = import_study(arguments.folder, **options)
    return f"{done.sentence()}\nNext: lsp-analysis check {done.path}", done.problems


def _fetch(arguments: argparse.Namespace) -> Outcome:
    from lsp_analysis.sources import fetch

    if arguments.list:
        table = fetch.addresses_frame(fetch.read_addresses(arguments.addresses))
        return table.to_string(index=False, justify="left"), False
    if not (arguments.borough and arguments.out):
        raise ParameterError("Say which borough and where to: lsp-analysis fetch CODE --out FOLDER")
    options = _given(arguments, "addresses", "only")
    done = fetch.fetch_borough(arguments.borough, arguments.out, progress=print_progress, **options)
    return done.sentence(), done.problems


def _report(arguments: argparse.Namespace) -> Outcome:
    from lsp_analysis.reports.fork.process import check_address_space

    check_address_space()
    from lsp_analysis.reports.job.selection import Entry
    from lsp_analysis.reports.run.runner import run_report

    entry = Entry(arguments.area, **_page_of(arguments))
    how = _run_of(arguments)
    return run_report(arguments.study, entry, engine=arguments.engine, **how).sentence(), False


def _reports(arguments: argparse.Namespace) -> Outcome:
    from lsp_analysis.reports.fork.process import check_address_space

    if not arguments.scheduler:
        check_address_space()
    from lsp_analysis.reports.run.runner import Workers, run_reports

    batch = run_reports(
        arguments.study,
        _entries(arguments),
        workers=Workers(arguments.workers, arguments.engine, arguments.scheduler, arguments.shard),
        resume=arguments.resume,
        progress=print_progress,
        **_run_of(arguments),
    )
    return batch.sentence(), batch.failed or batch.unindexed or batch.differences


def _entries(arguments: argparse.Namespace) -> list[Entry]:
    """What a batch is asked for, by the options or by a file."""
    from lsp_analysis.reports.job.selection import Entry, read_batch_file

    which = Entry(arguments.areas, arguments.decile, arguments.all, **_page_of(arguments))
    if arguments.batch is None:
        return [which]
    if which != Entry(which.areas[:0], formats=which.formats):
        raise ParameterError(
            "A batch file says itself which areas, templates and parameters it wants. "
            "Give either the file (--batch) or these."
        )
    return read_batch_file(arguments.batch, formats=which.formats)


def _audit(arguments: argparse.Namespace) -> Outcome:
    from lsp_analysis.disclosure.audit import audit_folder
    from lsp_analysis.reports.page.index import index_as_made

    folder = Path(arguments.folder)
    return audit_folder(folder, as_made=index_as_made(folder)), False


def _aggregate(arguments: argparse.Namespace) -> Outcome:
    from lsp_analysis.disclosure.extracts import aggregate_extracts, write_counts

    options = _given(arguments, "key_file", "postcodes", "every", "profile")
    counts = aggregate_extracts(arguments.extracts, **options)
    out = arguments.out or f"{Path(arguments.extracts[0]).stem}-counts.csv"
    return f"{counts.sentence()}\nThe counts are in {write_counts(counts, out)}.", False


def _new(arguments: argparse.Namespace) -> Outcome:
    from lsp_analysis.study import new_study

    path = new_study(arguments.study)
    said = f"The study is in {path}. Replace its example rows, then: lsp-analysis check {path}"
    return said, False


def _add(arguments: argparse.Namespace) -> Outcome:
    from lsp_analysis.study import add_table
    from lsp_analysis.study.add.layouts import Answers

    asked = ("sheet", "code_column", "period", "freq")
    options = {"indicator_id": arguments.indicator, "replace": arguments.replace}
    options |= {"answers": Answers(**_given(arguments, *asked))}
    facts = _settings(arguments.facts)
    for name in facts.keys() & {*options, *asked, "study_path", "file"}:
        raise ParameterError(f'"{name}" is no fact of an indicator. See: lsp-analysis add --help')
    return add_table(Path(arguments.study), arguments.file, **options, **facts).sentence(), False


def _template(arguments: argparse.Namespace) -> Outcome:
    from lsp_analysis.reports import own_template

    if arguments.act == "check":
        return own_template.check_template(arguments.notebook, arguments.study), False
    path = own_template.new_template(arguments.notebook)
    said = f"The template is in {path}, its house style beside it."
    return f"{said} Next: lsp-analysis template check {path}", False


def _design(arguments: argparse.Namespace) -> Outcome:
    from lsp_analysis.experiments import commands

    acts = {"new": commands.new, "pair": commands.pair, "buffer": commands.buffer}
    acts |= {"register": commands.register, "draw": commands.draw, "page": commands.page}
    acts |= {"look": commands.look, "analyse": commands.analyse, "verify": commands.check}
    acts |= {"decide": commands.decide, "next": commands.following, "pool": commands.pool}
    options = vars(arguments).copy()
    act, folder, _ = (options.pop(name) for name in ("act", "folder", "command"))
    return acts[act](folder, **options), False


def _notebooks(arguments: argparse.Namespace) -> Outcome:
    copied = copy_notebooks(arguments.folder)
    first = Path(arguments.folder) / "00_start_here.ipynb"
    return f"{len(copied)} notebooks are in {arguments.folder}. Next: jupyter lab {first}", False


def _page_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """What each page is made by."""
    return {
        "template": arguments.template,
        "formats": [name.strip() for name in arguments.formats.split(",")],
        "parameters": _settings(arguments.parameters),
    }


def _run_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Where reports go, for whom, and within which limits; those not given are its own."""
    from lsp_analysis.reports.job.request import Limits

    limits = {"seconds": arguments.timeout, "megabytes": arguments.memory}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return {"limits": Limits(**given), **_given(arguments, "out", "audience")}


def _settings(settings: list[str]) -> dict[str, str]:
    """``["start=2008-04"]`` as a mapping; whoever takes it knows the names and their types."""
    for setting in settings:
        if setting.find("=") < 1:
            raise ParameterError(f'"{setting}" sets nothing. Write it as name=value.')
    return dict(setting.split("=", 1) for setting in settings)


def _given(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in names}


_ALL = (_check, _fetch, _import, _report, _reports, _audit, _aggregate, _new, _add, _template)
COMMANDS = {act.__name__.removeprefix("_"): act for act in (*_ALL, _design, _notebooks)}
