"""Parameters of a report: declared once in its notebook, checked before anything starts."""

import ast
import io
import json
import math
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lsp_analysis.errors import ParameterError, ReportError, did_you_mean

SET_BY_THE_RUNNER = ("study", "area")
TRUE, FALSE = {"true", "yes", "1", "on"}, {"false", "no", "0", "off"}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: ``start: str = "2008-04"  # first month of the programme``."""

    name: str
    kind: str  # str, int, float, bool or list[str]
    default: Any
    help: str = ""


def declared_parameters(source: str, template: str) -> dict[str, Parameter]:
    """Parameters that the code `source` of a parameters cell declares, in order.

    The code is read, never run: every line is ``name: type = plain value  # what it is``. Without
    a type, that of the value counts.

    Raises
    ------
    ReportError
        The cell holds something else than such lines; the message names the line and `template`.
    """
    try:
        lines = ast.parse(source).body
        comments = _comments(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:
        raise _unreadable(template, f"is no Python ({error})") from error
    found = [_declared(line, comments, template) for line in lines if not _is_docstring(line)]
    return {parameter.name: parameter for parameter in found}


def _is_docstring(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def _declared(line: ast.stmt, comments: dict[int, str], template: str) -> Parameter:
    one = [line.target] if isinstance(line, ast.AnnAssign) else []
    targets = line.targets if isinstance(line, ast.Assign) else one
    if len(targets) != 1 or not isinstance(targets[0], ast.Name):
        raise _unreadable(template, f"has a line that is no parameter: {ast.unparse(line)[:60]}")
    name = targets[0].id
    try:
        default = ast.literal_eval(line.value)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _unreadable(template, f"gives {name} no plain value") from error
    typed = isinstance(line, ast.AnnAssign)
    kind = ast.unparse(line.annotation) if typed else _kind_of(default)
    if kind not in KINDS:
        raise _unreadable(template, f"declares {name} as {kind}, not as {', '.join(KINDS)}")
    return Parameter(name, kind, default, comments.get(line.end_lineno or 0, ""))


def _kind_of(value: Any) -> str:
    return "list[str]" if isinstance(value, list) else type(value).__name__


def _comments(source: str) -> dict[int, str]:
    """Text of the comment on each line that has one."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}


def _unreadable(template: str, what: str) -> ReportError:
    return ReportError(
        f"The parameters cell of {template} {what}. "
        'Write each parameter as one line: start: str = "2008-04"  # first month.'
    )


def check_parameters(
    given: Mapping[str, Any], declared: Mapping[str, Parameter], template: str
) -> dict[str, Any]:
    """Values of `given`, each of the type its parameter declares.

    Text, as it comes from a command line or a batch file, is converted; text that a ``str``
    parameter gets stays as it is, so ``007`` is never a number.

    Raises
    ------
    ParameterError
        A name is not declared (papermill would only warn, or run it as code), or a value is not
        of its type.
    """
    return {name: _checked(name, value, declared, template) for name, value in given.items()}


def _checked(name: str, value: Any, declared: Mapping[str, Parameter], template: str) -> Any:
    if name in SET_BY_THE_RUNNER:
        raise ParameterError(
            f"The parameter {name} is set by the command itself. Give it there, not as a parameter."
        )
    if not isinstance(name, str) or name not in declared:
        free = [known for known in declared if known not in SET_BY_THE_RUNNER]
        raise ParameterError(
            f"{template} has no parameter {str(name)[:60]!r}.{did_you_mean(str(name), free)} "
            f"It has {', '.join(free) or 'none'}."
        )
    kind = declared[name].kind
    try:
        return _converted(kind, value)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ParameterError(
            f"The parameter {name} of {template} is {KINDS[kind][1]}, not {str(value)[:60]!r}."
        ) from error


def _converted(kind: str, value: Any) -> Any:
    """`value` as its parameter's kind; ValueError or TypeError where it is none."""
    if kind == "list[str]":
        if isinstance(value, str):
            as_json = value.lstrip().startswith("[")
            value = json.loads(value) if as_json else filter(None, map(str.strip, value.split(",")))
        elif not isinstance(value, list | tuple):
            raise TypeError
        return [_converted("str", item) for item in value]
    if isinstance(value, str) and kind != "str":
        value = FROM_TEXT[kind](value.strip())
    types, _ = KINDS[kind]
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "bool"):
        raise TypeError
    if kind == "float" and not math.isfinite(value):
        raise ValueError
    if kind == "str":
        value.encode()  # bytes that were no text come from a command line as lone surrogates
    return float(value) if kind == "float" else value


def _truth(text: str) -> bool:
    """True or false in words."""
    if text.casefold() not in TRUE | FALSE:
        raise ValueError
    return text.casefold() in TRUE


FROM_TEXT: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "bool": _truth}
KINDS: dict[str, tuple[Any, str]] = {
    "str": (str, "text"),
    "int": (int, "a whole number"),
    "float": (int | float, "a number"),
    "bool": (bool, "true or false"),
    "list[str]": (list, "a list of texts, such as smoking,burglary"),
}
