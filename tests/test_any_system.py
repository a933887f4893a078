"""With what Windows lacks taken away, every module can be imported and a report can be made."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

from conftest import ROOT
from report_templates import write_template
from small_study import write_small_study

AS_ON_WINDOWS = ROOT / "tests" / "as_on_windows"


def run(code, *words):
    """What a new process says that sees only what Windows has."""
    environment = {**os.environ, "PYTHONPATH": str(AS_ON_WINDOWS)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, words)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


def test_every_module_can_be_imported():
    code = """
        import importlib, os, pkgutil, sys
        import lsp_analysis
        names = [m.name for m in pkgutil.walk_packages(lsp_analysis.__path__, "lsp_analysis.")]
        for name in names:
            if not name.endswith("__main__"):
                importlib.import_module(name)
        from lsp_analysis.reports.fork import forks, forked
        assert not hasattr(forks.os, "fork") and not hasattr(forks.signal, "SIGBUS")
        print(len(names), forked.can_fork())
    """
    n, forks = run(code)
    assert int(n) > 50
    assert forks == "False"


def test_a_report_is_made_by_the_kernel(tmp_path):
    study = write_small_study(tmp_path / "study")
    template = write_template(tmp_path, name="report_area")
    code = """
        import sys
        from lsp_analysis.cli import main
        study, template, out = sys.argv[1:]
        sys.exit(main(["report", study, "--area", "N1", "--template", template, "--out", out]))
    """
    run(code, study, template, tmp_path / "out")
    [page] = (tmp_path / "out").rglob("*.html")
    assert "<h1" in page.read_text(encoding="utf-8")


def test_papermill_loads_next_to_nothing_of_this_package():
    code = """
        import sys
        import papermill
        ours = sorted(name for name in sys.modules if name.split(".")[0] == "lsp_analysis")
        print(*ours)
        print("pandas" in sys.modules, "lsp-fork" in papermill.engines.papermill_engines._engines)
    """
    *ours, pandas, known = run(code)
    name = "lsp_analysis.reports.run.papermill_engine"
    assert ours == ["lsp_analysis", "lsp_analysis.reports", "lsp_analysis.reports.run", name]
    assert (pandas, known) == ("False", "True")
