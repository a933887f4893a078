"""Importing the package must cost its users next to nothing."""

import subprocess
import sys

import pytest

HEAVY = ["matplotlib", "statsmodels", "geopandas", "papermill", "scipy", "IPython", "dask"]


def seconds(code: str) -> float:
    """Processor time of `code` in a new interpreter: the least of four runs."""
    code += "\nimport time\nprint(time.process_time())"

    def once() -> float:
        told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        return float(told.stdout)

    return min(once() for _ in range(4))


def heavy_modules_after(code: str) -> list[str]:
    listing = f"{code}\nimport sys\nprint([name for name in {HEAVY} if name in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", listing], check=True, capture_output=True, text=True
    )
    return run.stdout.splitlines()[-1].strip("[]").replace("'", "").split()


def test_importing_the_package_costs_at_most_a_fifth_of_a_second_more_than_pandas():
    assert seconds("import lsp_analysis") <= seconds("import pandas") + 0.2


@pytest.mark.parametrize(
    "code",
    [
        "import lsp_analysis",
        "import lsp_analysis.cli",
        "import lsp_analysis.figures, lsp_analysis.wording",
        "import contextlib\nfrom lsp_analysis.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])",
    ],
)
def test_heavy_libraries_wait_until_they_are_used(code):
    assert heavy_modules_after(code) == []


def test_a_batch_is_asked_for_without_what_makes_its_reports():
    """The process that makes them loads nbformat without what slows that ten times."""
    run = "import lsp_analysis.reports.run.runner, sys; sys.exit('nbformat' in sys.modules)"
    subprocess.run([sys.executable, "-c", run], check=True)


def test_every_public_name_can_be_loaded():
    import lsp_analysis

    for name in lsp_analysis.__all__:
        assert getattr(lsp_analysis, name) is not None
