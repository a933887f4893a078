"""The study folder: what the package reads and writes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Study": "store",
    "open_study": "store",
    "write_study": "write",
    "check_study": "check",
    "new_study": "new",
    "add_table": "add",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: the schema alone needs no pandas."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
