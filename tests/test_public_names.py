"""Every public name loads, is the function and not its module, and starts from any door."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import lsp_analysis
from lsp_analysis import effects, figures


@pytest.mark.parametrize("place", [lsp_analysis, effects, figures], ids=lambda m: m.__name__)
def test_every_public_name_loads(place):
    for name in place.__all__:
        found = getattr(place, name)
        assert callable(found) or isinstance(found, ModuleType), name


def test_estimate_is_one_function_however_it_is_reached():
    assert effects.estimate is lsp_analysis.estimate


@pytest.mark.parametrize(
    "door",
    [
        "effects.result",
        "effects.regressions.differences",
        "effects.synthetic",
        "experiments",
        "standing.place",
    ],
)
@pytest.mark.slow
def test_any_module_can_be_the_first_to_be_imported(door):
    code = f"import lsp_analysis.{door}; from lsp_analysis.effects import estimate; estimate(1)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "estimate takes a Question, and was given an int" in found.stderr


def test_a_name_that_is_not_there_says_so():
    with pytest.raises(AttributeError, match="attribute nothing"):
        _ = lsp_analysis.nothing
    with pytest.raises(AttributeError, match="attribute nothing"):
        _ = effects.nothing
