"""Carry the notebooks, the page template and the sample study inside the wheel.

They live at the top of the repository, where readers look for them; an installed package
finds the same tree under ``lsp_analysis/_shipped``.
"""

from pathlib import Path
from shutil import copyfile

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ["data/README.md", "data/bolton_demo", "data/neighbourhoods", "notebooks", "reports"]
WRITTEN_BY_TOOLS = {"rendered", "experiment_demo", ".ipynb_checkpoints", "__pycache__"}


class BuildWithShippedFiles(build_py):
    """The usual build and a copy of the shipped files; an editable install reads them in place."""

    def run(self):
        super().run()
        if not self.editable_mode:
            for source in shipped_files():
                target = Path(self.build_lib, "lsp_analysis", "_shipped", source)
                target.parent.mkdir(parents=True, exist_ok=True)
                copyfile(source, target)


def shipped_files():
    """Paths to carry, relative to the repository, without what the tools wrote there."""
    for name in map(Path, SHIPPED):
        for path in [name, *sorted(name.rglob("*"))]:
            if path.is_file() and not WRITTEN_BY_TOOLS.intersection(path.parts):
                yield path


setup(cmdclass={"build_py": BuildWithShippedFiles})
