"""How long it will take is told no more exactly than it is known."""

import pytest

from lsp_analysis.reports.run.runner import progress_line


@pytest.mark.parametrize(
    ("seconds_each", "said"),
    [
        (0, "less than a minute"),
        (0.1, "less than a minute"),
        (1, "a minute"),
        (6, "nine minutes"),
        (100, "two hours"),
    ],
)
def test_time_left_follows_the_pace_so_far(seconds_each, said):
    assert progress_line(2, 91, 0, 2 * seconds_each) == f"2 of 91, {said} left"


def test_failures_are_counted_and_the_last_line_has_no_time_left():
    assert progress_line(2, 2, 1, 5.0) == "2 of 2, 1 failed"
