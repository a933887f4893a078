"""A small report notebook for the tests of the runner, and ways to break it."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PARAMETERS = """study: str = "data/bolton_demo"  # study folder
area: str = "Hall i' th' Wood"  # name or code
indicator: str = "burglary"  # indicator to look at
start: str = "2008-04"  # first month of the programme, assumed
top: int = 3  # rows of the table
share: float = 0.5  # a number
quiet: bool = False  # say less
themes: list[str] = []  # themes to show
"""

CELLS = [
    """import pandas as pd
from lsp_analysis import open_study, show, table
from lsp_analysis.figures.style import new_axes
from lsp_analysis.wording import Sentence""",
    """opened = open_study(study)
place = opened.area(area)""",
    "## Where are we at?",
    """#headline
Sentence(f"{place.name} has {len(place.members)} small areas.")""",
    """frame = pd.DataFrame({"area": [place.name, "=1+1"], "value": [-1.5, 2.0]})
ax = new_axes()
_ = ax.plot(frame["value"])
show(ax, alt=f"A line for {place.name}.", data=frame, note=opened.note)""",
    'Sentence("The line rises by 3.5.")',
    """import warnings
warnings.warn("nobody should read this")
print("nor this")
table(frame.head(top), "Values by area", note="Made up.")""",
    "## What works?\n\nToo early to say, *surely*.",
    "## What do we need to do differently?",
    'Sentence("Ask again.")',
]
EXPECT = {"figures": 1, "tables": 1, "sentences": 3}


def notebook(cells=None, *, parameters=PARAMETERS, expect=EXPECT):
    """A report notebook of `cells`: Markdown where they begin with ``#`` and a blank, else code."""
    made = [new_markdown_cell("# A small report")]
    if parameters is not None:
        made.append(new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    for source in CELLS if cells is None else cells:
        if source.startswith(("# ", "## ", "### ")):
            made.append(new_markdown_cell(source))
        else:
            tags = ["headline"] if source.startswith("#headline") else []
            made.append(new_code_cell(source, metadata={"tags": tags}))
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return new_notebook(cells=made, metadata={"kernelspec": kernel, "lsp": {"expect": expect}})


def write_template(folder: Path, cells=None, name="small", **options) -> Path:
    """The path of a template notebook written into `folder`."""
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook(cells, **options), path)
    return path
