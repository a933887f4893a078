"""A design to fill in: ``lsp-analysis design new FOLDER`` writes it, with example units."""

from __future__ import annotations

from pathlib import Path

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.protocol import reading as protocol
from lsp_analysis.resources import resource


def example(name: str) -> str:
    """A file of the example to fill in: ``design.toml`` or ``units.csv``."""
    file = resource("notebooks") / "experiments" / "new" / name
    return file.read_text(encoding="utf-8")


def new_experiment(folder: str | Path) -> Path:
    """Write an example design and its units into `folder`, which must have none yet."""
    folder = Path(folder)
    file = folder / protocol.FILE
    if file.exists():
        raise DesignError(f"{file} is there already. Edit it, or choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DesignError(f"{folder} cannot be made ({error.strerror}). Choose another.") from error
    for name in (protocol.FILE, "units.csv"):
        (folder / name).write_text(example(name), encoding="utf-8", newline="\n")
    return folder
