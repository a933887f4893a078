"""What ``lsp-analysis design`` does, each act in a few words to print."""

from __future__ import annotations

import math
from pathlib import Path

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis import looks
from lsp_analysis.experiments.analysis import primary as analysis
from lsp_analysis.experiments.papers import protocol_page as papers
from lsp_analysis.experiments.papers import result_page
from lsp_analysis.experiments.protocol import template
from lsp_analysis.experiments.record import allocation as assign
from lsp_analysis.experiments.record import folder as experiment
from lsp_analysis.experiments.record.verification import verify


def new(folder: str) -> str:
    """Write an example design and units to fill in."""
    path = template.new_experiment(folder)
    return (
        f"The design is in {path / 'design.toml'}, its units in {path / 'units.csv'}. "
        f"Replace what they say, then: lsp-analysis design register {path}"
    )


def register(folder: str, *, note: str = "", redraw: bool = False) -> str:
    """Freeze the design, or amend it."""
    entry = experiment.register_design(folder, note=note, redraw=redraw)
    opened = experiment.open_experiment(folder)
    number = len(opened.amendments)
    said = f"Amendment {number} is" if number else "The design is"
    lines = [
        f"{said} on record as line {entry.number} of the register.",
        f"Head of the register, for the other party to keep: {entry.hash}",
    ]
    if opened.draw is None:
        lines.append(str(opened.what_a_test_can_do()))
        lines.append(
            f'Next, with the other party\'s text: lsp-analysis design draw {folder} --text "..."'
        )
    return "\n".join(lines)


def check(folder: str, *, head: str = "") -> str:
    """Prove that nothing on record was changed; DesignError names what was."""
    found = verify(folder, head=head)
    if not found.holds:
        raise DesignError(str(found.sentence()))
    return str(found.sentence())


def draw(folder: str, *, text: str) -> str:
    """Draw the units and say how many each arm has."""
    drawn = assign.draw_allocation(folder, text=text)
    counts = drawn.allocation["arm"].value_counts().reindex(drawn.scheme.arms)
    shares = ", ".join(f"{arm} {n}" for arm, n in counts.items())
    return (
        f"The allocation is in {drawn.path / drawn.draw.content['file']}: {shares}.\n"
        f"Head of the register, for the other party to keep: {drawn.head}"
    )


def look(folder: str, outcomes: str) -> str:
    """Take a look before the end, on record, and say how each arm stands against its bound."""
    taken = looks.take_look(folder, outcomes)
    lines = [str(taken.sentence())]
    for row in taken.table.itertuples():
        bound = "no bound" if math.isnan(row.bound) else f"bound {row.bound:.2f}"
        lines.append(f"{taken.labels[row.arm]}: z {row.z:.2f} ({bound}; above nought is good)")
    return "\n".join(lines)


def analyse(folder: str, outcomes: str) -> str:
    """Open the outcomes, on record, and write what was found as a page and a table."""
    result = analysis.analyse(folder, outcomes)
    page, numbers = result_page.write_result(result, folder)
    return f"{result.sentence()}\nThe result is in {page}, every number of it in {numbers}."


def page(folder: str, *, out: str = "") -> str:
    """Write the protocol as a page to print."""
    file = Path(out) if out else Path(folder) / "protocol.html"
    return str(papers.write_protocol(experiment.open_experiment(folder), file))
