"""Copies of the demonstration with some tables replaced."""

from __future__ import annotations

import json
import shutil

from lsp_analysis import open_study
from lsp_analysis.resources import study_path
from lsp_analysis.study.write import write_descriptor, write_table


def with_tables(folder, **tables):
    """The demo study copied to `folder` with some tables replaced."""
    shutil.copytree(study_path("bolton_demo"), folder)
    descriptor = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    new = {name: write_table(folder, name, frame) for name, frame in tables.items()}
    descriptor["resources"] = [new.get(one["name"], one) for one in descriptor["resources"]]
    write_descriptor(folder, descriptor)
    return folder


def without_sharing(folder):
    """The demo study copied to `folder` without agreements."""
    blank = open_study(study_path("bolton_demo")).read("sharing").iloc[:1].assign(table="areas")
    return with_tables(folder, sharing=blank)
