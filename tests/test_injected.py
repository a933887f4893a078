"""A misspelt papermill parameter stops the notebook, whatever engine runs it."""

from __future__ import annotations

import papermill
import pytest
from conftest import ROOT

from lsp_analysis.errors import ParameterError
from lsp_analysis.reports.fork.forked import can_fork

ENGINES = ["nbclient", *(["lsp-fork"] if can_fork() else [])]
pytestmark = pytest.mark.usefixtures("kept_parent")
START = ROOT / "notebooks" / "09_joining_up.ipynb"


def run(parameters, out, engine="nbclient", book=START):
    about = {
        "engine_name": engine,
        "progress_bar": False,
        "kernel_name": "python3",
        "start_timeout": 600,
    }
    return papermill.execute_notebook(str(book), str(out), parameters, **about)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_unknown_parameter_stops_the_notebook_with_the_nearest_name(tmp_path, engine):
    with pytest.raises(papermill.PapermillExecutionError) as caught:
        run({"aera": "Bolton 010A", "on": "2012-03-31"}, tmp_path / "out.ipynb", engine)
    assert 'no parameter "aera". Did you mean "area"?' in str(caught.value)


def test_known_parameters_and_other_cells_called_parameters_pass(monkeypatch):
    from lsp_analysis.study import notebook

    cells = ["", 'study: str = "x"\narea: str = "y"', '# Parameters\narea = "z"']
    mine = ["import pandas", '# Parameters\nplace = "z"', "1 +", "# Parameters\nx = 1"]
    shell = type("Shell", (), {"user_ns": {"In": [*cells, *mine]}})
    ipython = type("IPython", (), {"get_ipython": staticmethod(lambda: shell)})
    monkeypatch.setitem(notebook.sys.modules, "IPython", ipython)
    notebook.refuse_unknown_parameters()
    shell.user_ns["In"][2] = "# Parameters\nlevl = 0.9"
    with pytest.raises(ParameterError, match='no parameter "levl"'):
        notebook.refuse_unknown_parameters()
