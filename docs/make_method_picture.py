"""Draw docs/method.png, the picture of docs/method.md: ``python docs/make_method_picture.py``."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))
from demo.boroughs import Counts, simulate_borough

from lsp_analysis import Question
from lsp_analysis.effects.one_area.neighbourhoods import find_groups, read_panel
from lsp_analysis.effects.one_area.placebo_rank import judge

BLUE, TEAL, PURPLE = "#12436D", "#28A197", "#801650"


def main() -> None:
    """Simulate a borough with a fall of two fifths in its worst area, and draw how it is judged."""
    made = simulate_borough(counts=Counts(1.5), effect=np.log(0.6), seed=10)
    question = Question.from_frame(
        made.panel, "count", list(made.treated), made.start, "population", made.neighbours
    )
    found = judge(read_panel(question), find_groups(question), question.level)
    known = found
    per, level = 12_000 / known.exposure, known.past.terms[:, 1]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    rate = known.observed * per
    left.scatter(level[1:], rate[1:], s=9, color=TEAL, alpha=0.6, label="Placebo areas, observed")
    order = np.argsort(level)
    for mean, style, text in (
        (known.expected, "-", "Expected from the past"),
        (known.without, "--", "The same without regression to the mean"),
    ):
        left.plot(level[order], (mean * per)[order], style, color=BLUE, lw=1, label=text)
    left.scatter(level[0], rate[0], marker="D", s=50, color=PURPLE, label="Treated area, observed")
    left.set_xlabel("Log level before the start, shrunk, from the mean of placebos")
    left.set_ylabel("Events after the start, per 1,000 residents a year")
    left.legend(frameon=False, fontsize=8)
    right.hist(found.statistic[1:], bins=30, color=TEAL, alpha=0.7, label="Placebo areas")
    right.axvline(found.statistic[0], color=PURPLE, lw=2, label=f"Treated, p = {found.p_value:.3f}")
    for side in (-1, 1):
        right.axvline(side * found.critical, color=BLUE, ls=":", lw=1)
    right.set_xlabel("Standard errors from expectation (dotted: critical)")
    right.set_ylabel("Areas")
    right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(Path(__file__).with_name("method.png"), dpi=110)


if __name__ == "__main__":
    main()
