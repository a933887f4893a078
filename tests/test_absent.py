"""What stands where a result would."""

from __future__ import annotations

import pytest

from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Absent, if_possible


def refuse():
    raise PanelError("The series is too short.")


def test_what_can_be_made_is_made():
    assert if_possible(max, 2, 3) == 3
    assert if_possible(sorted, [2, 1], reverse=True) == [2, 1]


def test_what_this_package_refuses_becomes_its_reason():
    found = if_possible(refuse)
    assert not found
    assert found.sentence() == "The series is too short."
    assert "The series is too short.</p>" in found._repr_html_()
    assert found.plot().table is found


def test_other_errors_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        if_possible(divmod, 1, 0)


def test_a_reason_is_escaped_on_a_page():
    assert "<b>" not in Absent("<b>no</b>")._repr_html_()
