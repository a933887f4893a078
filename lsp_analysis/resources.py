"""Find what ships with the package: notebooks, page template and the sample study."""

from __future__ import annotations

from pathlib import Path

from lsp_analysis.errors import LspError

HOME = Path(__file__).parent


def resource(name: str) -> Path:
    """Path of a shipped file or folder, such as ``notebooks/reports/report_area.ipynb``.

    An installed package carries them inside itself; in a checkout they are beside it.

    Raises
    ------
    LspError
        Nothing of that name ships with the package.
    """
    carried = HOME / "_shipped"
    path = (carried if carried.is_dir() else HOME.parent) / name
    if not path.exists():
        raise LspError(f"{name} does not ship with this package. Install the package again.")
    return path


def study_path(study: str | Path) -> Path:
    """Folder of `study`: the path itself, or the study that ships under that name.

    A folder of that name wins over a shipped study, a ``Path`` is always meant as one, and what is
    neither is returned as it came: whoever opens it says what is wrong.
    """
    if isinstance(study, str) and not Path(study).exists() and study in shipped_studies():
        return resource("data") / study
    return Path(study)


def shipped_studies() -> list[str]:
    """Names of the studies that ship with the package."""
    return sorted(path.parent.name for path in resource("data").glob("*/datapackage.json"))
