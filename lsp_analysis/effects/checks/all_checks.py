"""What could fool us? Every check of one estimate, in one call."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.checks import comparators, pretrends
from lsp_analysis.effects.checks.around import displacement, spillover
from lsp_analysis.effects.checks.asked import FAILED, PASSED, UNSURE, ask
from lsp_analysis.effects.checks.data_quality import missing_data, series_breaks, small_counts
from lsp_analysis.effects.parts import answers
from lsp_analysis.effects.result import CheckResult
from lsp_analysis.errors import check_one_of
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Axes, Shown, with_note
from lsp_analysis.study.question import Question

SIGNS = {PASSED: "✓", FAILED: "✗", UNSURE: "?"}


@dataclass(frozen=True)
class Checks(Shown):
    """All checks of one estimate; ``checks["Spillover"]`` is one of them."""

    found: tuple[CheckResult, ...]

    def __iter__(self) -> Iterator[CheckResult]:
        """One check after the other."""
        return iter(self.found)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.found)

    def __getitem__(self, name: str) -> CheckResult:
        """The check of that name; ParameterError, with the nearest names, for an unknown one."""
        known = {one.name.casefold(): one for one in self.found}
        if str(name).casefold() not in known:
            check_one_of(name, [one.name for one in self.found], "check")
        return known[str(name).casefold()]

    def summary_frame(self) -> pd.DataFrame:
        """One row per check: its status and what was found."""
        return pd.concat([check.summary_frame() for check in self.found])

    def sentence(self) -> wording.Sentence:
        """How many checks passed, and the names of those that did not, in one line."""
        names = {
            status: [check.name.lower() for check in self.found if check.status == status]
            for status in (PASSED, FAILED, UNSURE)
        }
        told = [f"{wording.of_total(len(names[PASSED]), len(self.found))} checks passed"]
        told += [
            f"{said}: {wording.and_list(names[status])}"
            for status, said in ((FAILED, "failed"), (UNSURE, "too little to tell"))
            if names[status]
        ]
        return wording.Sentence("; ".join(told) + ".")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the first check that failed; where none did, the first that could not tell."""
        order = sorted(self.found, key=lambda check: (FAILED, UNSURE, PASSED).index(check.status))
        return order[0].plot(ax=ax)

    def shown_table(self) -> Table:
        """All checks, each with its status as a word and a sign."""
        rows = [
            {"Check": check.name, "Status": f"{SIGNS[check.status]}\u00a0{check.status}",
             "What was found": check.finding}
            for check in self.found
        ]  # fmt: skip
        return figures.table(pd.DataFrame(rows), caption="What could fool us, and what was found")


@answers
def check_all(question: Question) -> Checks:
    """All checks of one estimate: each asks the same question again in another way.

    Raises
    ------
    PanelError
        As for `estimate`.
    """
    asked = ask(question)
    earlier = pretrends.earlier_dates(asked)
    found = (
        comparators.regression_to_the_mean(asked),
        pretrends.pre_trends(earlier),
        pretrends.undoing_violation(earlier),
        pretrends.anticipation(earlier),
        spillover(asked),
        displacement(asked),
        comparators.contaminated_comparators(asked),
        comparators.leave_one_out(asked),
        comparators.comparison_choice(asked),
        series_breaks(asked),
        small_counts(asked),
        missing_data(question),
    )
    about = question.indicator.name if question.indicator else ""
    return Checks(with_note(found, question.note, about=about))
