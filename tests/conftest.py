"""Fixtures shared by all tests."""

from __future__ import annotations

import importlib
import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# A shell that runs the suite in the background has it ignore Ctrl+C, and every command it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def optional(module: str):
    """The module of an optional dependency: there in CI, elsewhere a reason to skip."""
    if os.environ.get("CI") == "true":
        return importlib.import_module(module)
    return pytest.importorskip(module, reason=f"needs {module.partition('.')[0]}")


def shared_path(name: str) -> Path:
    """Folder of reference material beside the checkout: needed in CI, skipped without elsewhere."""
    path = SHARED / name
    if not path.exists():
        reason = f"the reference material {name!r} is not beside this checkout"
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must run this test, but {reason}")
        pytest.skip(reason)
    return path


@pytest.fixture
def shared():
    """`shared("gold")` is the path of that folder of reference material."""
    return shared_path
