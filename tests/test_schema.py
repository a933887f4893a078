"""The schema is whole, and what is written from it passes Frictionless."""

from __future__ import annotations

import json

import pytest
from small_study import small_tables, write_small_study

from lsp_analysis.study import new_study, schema
from lsp_analysis.study.write import conform, table_schema, write_study

FRICTIONLESS_TYPES = {"string", "number", "integer", "date", "boolean"}


@pytest.mark.parametrize("table", schema.TABLES.values(), ids=lambda table: table.name)
def test_a_table_has_its_key_among_its_columns_and_each_column_explained(table):
    assert set(table.key) <= set(table.names)
    assert len(table.names) == len(set(table.names))
    for column in table.columns:
        assert column.about
        assert column.type in FRICTIONLESS_TYPES


def test_the_required_tables_are_those_three():
    assert schema.REQUIRED_TABLES == ("areas", "indicators", "observations")


def test_every_percentage_unit_has_its_multiplier():
    rates = {f"per_{size}": size for size in (1_000, 10_000, 100_000)}
    assert {"percent": 100} | rates == schema.UNIT_MULTIPLIER


def test_a_column_the_schema_does_not_know_is_described_as_text():
    made = table_schema("areas", ["area_code", "my_notes"])
    assert made["fields"][1] == {"name": "my_notes", "type": "string", "description": ""}


def test_a_descriptor_leaves_out_what_is_not_given(tmp_path):
    about = {"name": "x", "title": "X", "lsp:simulated": False, "lsp:code_vintage": None}
    folder = write_study(tmp_path / "study", small_tables(), about=about | {"sources": []})
    made = json.loads((folder / schema.DESCRIPTOR).read_text(encoding="utf-8"))
    assert list(made) == ["$schema", "name", "title", "lsp:simulated", "resources"]


@pytest.mark.parametrize("make", [write_small_study, new_study], ids=["small", "new"])
def test_frictionless_accepts_the_study(tmp_path, make):
    frictionless = pytest.importorskip("frictionless")
    folder = make(tmp_path / "study")
    report = frictionless.validate(str(folder / schema.DESCRIPTOR))
    assert report.valid, report.flatten(["name", "rowNumber", "fieldName", "message"])


def test_frictionless_finds_an_edited_file_by_its_hash(tmp_path):
    frictionless = pytest.importorskip("frictionless")
    folder = write_small_study(tmp_path / "study", record_hashes=True)
    file = folder / "areas.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("Anytown", "Elsewhere"), "utf-8")
    assert not frictionless.validate(str(folder / schema.DESCRIPTOR)).valid


def test_the_tables_of_a_study_conform_to_the_schema_as_they_are_read_back():
    for name, frame in small_tables().items():
        made = conform(name, frame)
        known = schema.TABLES[name].names
        assert list(made) == [column for column in known if column in made]
