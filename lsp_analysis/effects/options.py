"""Keywords of the estimators, checked: whole numbers, sizes, names of columns, text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from lsp_analysis.errors import ParameterError


def whole(name: str, value: Any, least: int = 0) -> int:
    """`value` as an int; ParameterError unless it is a whole number of `least` or more."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not float(value).is_integer() or value < least:
        raise ParameterError(f"{name}={value!r} must be a whole number, {least} or more.")
    return int(value)


def positive(name: str, value: Any) -> float:
    """`value` as a float; ParameterError unless it is a finite number above 0."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not (math.isfinite(value) and value > 0):
        raise ParameterError(f"{name}={value!r} must be a number above 0.")
    return float(value)


def names_of(name: str, value: Any) -> list[Any]:
    """Columns as a list, from one name or several; nothing from None."""
    return [value] if isinstance(value, str) else listed(name, value)


def listed(name: str, value: Any) -> list[Any]:
    """`value` as a list, empty for None; ParameterError for what holds no items."""
    if value is None:
        return []
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ParameterError(f"{name}={value!r} is not a list. Put what you mean in brackets.")
    return list(value)


def check_words(**words: Any) -> None:
    """Raise ParameterError for a unit, label or name that is not text."""
    for name, value in words.items():
        if not isinstance(value, str):
            raise ParameterError(
                f"{name}={value!r} is not text. Write it in quotation marks, or leave it out."
            )
