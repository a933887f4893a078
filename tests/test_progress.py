"""How long it will take is told no more exactly than it is known."""

import pytest

from lsp_analysis.reports.run import batch as progress


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
def test_time_left_follows_the_pace_so_far(monkeypatch, seconds_each, said):
    clock = iter([0.0] + [seconds_each * n for n in range(1, 100)])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    steps = progress.Progress(91)
    lines = [steps.step(failed=False) for _ in range(2)]
    assert lines[1] == f"2 of 91, {said} left"


def test_failures_are_counted_and_the_last_line_has_no_time_left():
    steps = progress.Progress(2)
    steps.step(failed=True)
    assert steps.step(failed=False) == "2 of 2, 1 failed"
