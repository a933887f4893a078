"""Read ``design.toml`` and check it: all problems at once, each with where it is and what to do."""

import datetime as dt
import math
import tomllib
import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from lsp_analysis import durable, untrusted, wording
from lsp_analysis.errors import DesignError, LspError, did_you_mean
from lsp_analysis.experiments.protocol.design import Design, Randomisation, flat
from lsp_analysis.resources import resource

FILE = "design.toml"
TYPES = {str: "text", int: "a whole number", float: "a number"}


def read_design(path: str | Path) -> Design:
    """The design in a folder, or in a file.

    Raises
    ------
    DesignError
        There is no such file, or it does not hold together; the message lists all problems.
    """
    path = Path(path)
    file = path / FILE if path.is_dir() else path
    try:
        text = untrusted.read_text(file)
    except LspError as error:
        raise DesignError(
            f"{error} `lsp-analysis design new FOLDER` writes one to fill in."
        ) from error
    return parse_design(text, name=str(file))


def parse_design(text: str, *, name: str = FILE) -> Design:
    """The design in `text`; DesignError with all problems if there are any."""
    try:
        table = tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        reason = str(error)[:200] or "it is nested too deeply"
        raise DesignError(f"{name} is not TOML: {reason}. Correct that line.") from error
    problems: list[str] = []
    design = _build(Design, table, "", problems)
    if not problems:
        problems += [*_of_arms(design), *_of_randomisation(design), *_of_looks(design)]
    if problems:
        listed = " ".join(f"({number}) {text}" for number, text in enumerate(problems, start=1))
        raise DesignError(f"{name} has {wording.counted(len(problems), 'problem')}: {listed}")
    return design


def differences(old: Design, new: Design) -> list[str]:
    """What an amendment changed, a line per field: ``outcome.label: "a" -> "b"``."""
    was, now = ({key: repr(value) for key, value in flat(one).items()} for one in (old, new))
    return [
        f"{key}: {was.get(key, 'nothing')} -> {now.get(key, 'nothing')}"
        for key in dict.fromkeys([*was, *now])
        if was.get(key) != now.get(key)
    ]


def example(name: str) -> str:
    """A file of the example to fill in: ``design.toml`` or ``units.csv``."""
    file = resource("notebooks") / "experiments" / "new" / name
    return file.read_text(encoding="utf-8")


def new_experiment(folder: str | Path) -> Path:
    """Write an example design and its units into `folder`, which must have none yet."""
    folder = Path(folder)
    file = folder / FILE
    if file.exists():
        raise DesignError(f"{file} is there already. Edit it, or choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DesignError(f"{folder} cannot be made ({error.strerror}). Choose another.") from error
    for name in ("units.csv", FILE):  # the second makes it a design
        durable.replace_file(folder / name, example(name).encode())
    return folder


def _build(kind: type, table: Any, where: str, problems: list[str]) -> Any:
    """An instance of `kind` from a TOML table; problems are noted and leave the result unfit."""
    if not isinstance(table, dict):
        problems.append(f"{where.rstrip('.')} is {table!r}; it must be a section.")
        return None
    known = {one.name: one for one in fields(kind)}
    for name in table.keys() - known.keys():
        problems.append(f"{where}{name} is no field of a design.{did_you_mean(name, known)}")
    hints = typing.get_type_hints(kind)
    given = {}
    for name, one in known.items():
        if name in table:
            given[name] = _value(table[name], hints[name], one.metadata, where + name, problems)
        needed = one.default is MISSING and one.default_factory is MISSING
        if needed and given.get(name, "") == "":
            state = "empty" if name in table else "missing"
            problems.append(f"{where}{name} is {state} ({one.metadata['about']}).")
    if any(p for p in problems if p.startswith(where)):
        return None
    return kind(**given)


def _value(value: Any, hint: Any, rules: Any, where: str, problems: list[str]) -> Any:
    """One field's value, of its type and within its rules."""
    if isinstance(hint, types.UnionType):
        hint = typing.get_args(hint)[0]
    if is_dataclass(hint):
        return _build(hint, value, f"{where}.", problems)
    if typing.get_origin(hint) is list:
        if not isinstance(value, list):
            problems.append(f"{where} is {value!r}; it must be a list.")
            return []
        inner = typing.get_args(hint)[0]
        return [
            _value(one, inner, rules, f"{where}[{i}]", problems)
            for i, one in enumerate(value, start=1)
        ]
    if hint is str and isinstance(value, dt.date):  # TOML has dates of its own
        value = value.isoformat()
    wanted = (int, float) if hint is float else hint
    if not isinstance(value, wanted) or isinstance(value, bool):
        words = TYPES.get(hint, hint.__name__)
        problems.append(f"{where} is {value!r}; it must be {words}.")
        return None
    value = value.strip() if hint is str else hint(value)
    if hint is str and "\n" in value and where.endswith("name"):
        problems.append(f"{where} is {value!r}; it must be one line.")
    if hint is float and not math.isfinite(value):
        problems.append(f"{where} is {value}; it must be a finite number.")
    choices, least, most = (rules.get(name) for name in ("choices", "least", "most"))
    if choices and value and value not in choices:
        problems.append(
            f'{where} is "{value}"; choose {", ".join(choices)}.{did_you_mean(str(value), choices)}'
        )
    if least is not None and value < least:
        problems.append(f"{where} is {value}; it must be at least {least}.")
    if most is not None and value > most:
        problems.append(f"{where} is {value}; it must be at most {most}.")
    return value


def _of_arms(design: Design) -> Iterator[str]:
    names = [arm.name for arm in design.arms]
    if len(names) < 2 or len(set(names)) < len(names):
        yield "arms must be two or more, each with a name of its own."
    if [arm.role for arm in design.arms].count("control") != 1 or design.arms[0].role != "control":
        yield "The first arm, and no other, must have the role control."
    for arm in design.active:
        if arm.tidier is None:
            yield f"arms.{arm.name} has no section [arms.tidier] saying what is done."
    columns = [outcome.name for outcome in design.outcomes()]
    if len(set(columns)) < len(columns):
        yield "Two outcomes have the same name; each needs its own column."
    one, *others = sorted(design.factors) or [""]
    sets = sorted(sorted(arm.factors) for arm in design.arms)
    two_by_two = len(others) == 1 and sets == sorted([[], [one], [one, *others], others])
    if design.factors and (not two_by_two or design.arms[0].factors):
        yield (
            "arms.factors must name two factors over four arms: none for the control, each factor "
            "alone, and both together."
        )
    elif design.factors and design.is_wedge:
        yield "A wedge has no factors: leave arms.factors out."
    for name in set(design.harms.watched) - set(columns):
        close = did_you_mean(name, columns)
        yield f'harms.watched names "{name}", which is no outcome.{close}'


def _of_randomisation(design: Design) -> Iterator[str]:
    how = design.randomisation
    if how.method == "constrained" and not how.covariates:
        yield "randomisation.covariates is empty; name what to balance."
    if how.method == "constrained" and not how.acceptable > 0:
        yield "randomisation.acceptable must be above 0."
    for name in ("units", "neighbours"):
        file = getattr(how, name)
        if Path(file).name != file:
            yield f'randomisation.{name} is "{file}"; it must be a file in this folder.'
    if how.source_date and _date(how.source_date) is None:
        yield "randomisation.source_date must be written year-month-day."
    empty = Randomisation(method=how.method)
    for one in fields(how):  # those, empty by default, that the method would pass over in silence
        is_given = getattr(how, one.name) and not getattr(empty, one.name)
        if is_given and how.method not in one.metadata.get("methods", (how.method,)):
            methods = wording.and_list(one.metadata["methods"], last="or")
            yield (
                f'randomisation.{one.name} is of no use to the method "{how.method}"; it belongs '
                f"to {methods}."
            )
    if how.method == "blocked" and not (how.strata or how.block_size):
        yield "randomisation.strata or block_size must say what the blocks are."
    if how.method == "pairs" and (len(design.arms) != 2 or any(a.share != 1 for a in design.arms)):
        yield "Pairs need two arms of equal share."
    if design.is_wedge:
        if not how.steps or min(how.steps) < 1:
            yield "randomisation.steps must give the clusters that start at each step."
        elif len(how.periods) < len(how.steps) + 1:
            yield "randomisation.periods must be more than the steps by at least one."
        if len(design.arms) != 2:
            yield "A wedge has two arms: before and after the start."


def _of_looks(design: Design) -> Iterator[str]:
    looks, even = design.looks, design.looks.fractions
    dates = [_date(text) for text in looks.dates]
    if None in dates:
        yield "looks.dates must be written year-month-day, such as 2010-03-31."
    elif dates != sorted(set(dates)):
        yield "looks.dates must come in order of time, each once."
    if (looks.boundary == "none") != (len(looks.dates) < 2):
        yield (
            "looks.boundary must be obrien_fleming or pocock with two dates or more (the last is "
            "the final analysis), and none otherwise."
        )
    if looks.information == "outcomes" and even:
        yield "looks.fractions are not used where looks.information is outcomes."
    rises = even == sorted(set(even)) and len(even) == len(looks.dates)
    if even and not (rises and even[0] > 0 and even[-1] == 1):
        yield "looks.fractions must rise to 1, one per date."


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None
