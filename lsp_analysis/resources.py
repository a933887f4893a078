"""Find what ships with the package: notebooks, page template and the sample study."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lsp_analysis import durable
from lsp_analysis.errors import LspError, StudyError

if TYPE_CHECKING:
    from jinja2 import Template

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


def copy_notebooks(folder: str | Path) -> list[Path]:
    """Copy the notebooks and the report templates that ship with the package into `folder`.

    Files that are there already and differ are never overwritten: StudyError names the first, and
    nothing is copied.
    """
    folder, shipped = Path(folder), resource("notebooks")
    pairs = [
        (path, folder / path.relative_to(shipped))
        for path in sorted(shipped.rglob("*.ipynb"))
        if not any(part.startswith(".") for part in path.relative_to(shipped).parts)
    ]
    changed = [new for old, new in pairs if new.exists() and new.read_bytes() != old.read_bytes()]
    if changed:
        raise StudyError(
            f"{changed[0]} is there already and differs from the one that ships. "
            "Copy the notebooks into a new folder."
        )
    for old, new in pairs:
        new.parent.mkdir(parents=True, exist_ok=True)
        durable.replace_file(new, old.read_bytes())
    return [new for _, new in pairs]


@cache
def page_template(name: str) -> Template:
    """A template of pages that ships: reading it takes longer than filling it in."""
    from jinja2 import Environment, FileSystemLoader

    shown = resource("reports/template")
    loader = FileSystemLoader([shown / "lsp-page", shown / "index"])
    environment = Environment(loader=loader, autoescape=True, keep_trailing_newline=True)
    return environment.get_template(name)


@cache
def stylesheet(name: str) -> str:
    """A style sheet of the page template that ships."""
    return resource(f"reports/template/lsp-page/{name}").read_text(encoding="utf-8")


def policy_digest(text: str) -> str:
    """A style or script as the security policy of a page names it."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
