"""Stop a notebook that papermill gave a parameter it does not have.

Papermill only warns and runs the notebook with its defaults. The report runner checks before it
starts; a notebook run by papermill itself is checked here, when it opens its study.
"""

from __future__ import annotations

import ast
import sys
from itertools import pairwise

from lsp_analysis.errors import ParameterError, did_you_mean

INJECTED = "# Parameters\n"  # the first line of the cell that papermill adds


def refuse_unknown_parameters() -> None:
    """ParameterError when this is a notebook whose injected cell sets a name that the cell of
    parameters before it does not."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    cells = getattr(shell, "user_ns", {}).get("In", [])
    for before, cell in pairwise(cells):
        known = _assigned(before, ast.AnnAssign)
        if not cell.startswith(INJECTED) or "study" not in known:
            continue
        for name in _assigned(cell, ast.Assign):
            if name not in known:
                raise ParameterError(
                    f'This notebook has no parameter "{name}".{did_you_mean(name, known)} '
                    f"It has {', '.join(known)}."
                )


def _assigned(source: str, kind: type[ast.Assign] | type[ast.AnnAssign]) -> list[str]:
    """Names that a cell assigns on their own lines, in order."""
    try:
        nodes = ast.parse(source).body
    except SyntaxError:
        return []
    found = [node for node in nodes if isinstance(node, kind)]
    targets = [one.targets[0] if isinstance(one, ast.Assign) else one.target for one in found]
    return [target.id for target in targets if isinstance(target, ast.Name)]
