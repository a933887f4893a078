"""A small file that would take all time or memory is refused in a sentence, after little work."""

import gzip
import json
import os
import time
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from report_templates import write_template
from small_experiment import drawn, outcomes_of
from small_study import write_small_study

from lsp_analysis.cli import main

CPU_SECONDS = 12.0  # of this process, however busy the machine is
HEAD = "code,month,count,population\n"
SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</worksheet>'
)
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
    f'<Override PartName="/xl/workbook.xml" ContentType="{MAIN}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{MAIN}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
    f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    f' xmlns:r="{OFFICE}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship '
    f'Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def workbook(file, cells):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in PARTS.items():
            book.writestr(name, text)
        book.writestr("xl/worksheets/sheet1.xml", SHEET.format(cells))


def one_cell(attributes, value="1"):
    row = f"<row><c {attributes}><v>{value}</v></c></row>"
    return f"<sheetData><row><c><v>1</v></c></row>{row}</sheetData>"


def refused(capsys, *words, code=1):
    began = time.process_time()
    assert main([str(word) for word in words]) == code
    assert time.process_time() - began < CPU_SECONDS
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "fault of lsp-analysis" not in said
    return said


def main_said(capsys, *words):
    assert main([str(word) for word in words]) == 1
    return "".join(capsys.readouterr())


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_small_study(tmp_path_factory.mktemp("bombs") / "study")


@pytest.mark.parametrize(
    "cells",
    [
        one_cell('r="XFD1048576"'),
        one_cell("r='XFD1048576'"),
        one_cell('r = "xfd1048576"'),
        one_cell('s="1" t="n" r="AAAAAAA1"'),
        '<sheetData><row r="2000000000"><c><v>1</v></c></row></sheetData>',
        one_cell('r="A2"', "9" * 5000),
        one_cell('r="A2" t="d"', "99999-01-01"),
        pytest.param(
            "<sheetData>" + "<row/>" * 21_000_000 + "</sheetData>", marks=pytest.mark.slow
        ),
    ],
    ids=["far", "quoted", "blanks", "column", "row", "digits", "date", "rows"],
)
def test_a_workbook_that_is_vast_or_odd(study, tmp_path, capsys, cells):
    workbook(tmp_path / "b.xlsx", cells)
    assert "b.xlsx" in refused(capsys, "add", study, tmp_path / "b.xlsx")


FULL = '<table:table-cell office:value="1"{}><text:p>1</text:p></table:table-cell>'
BLANKS = '<table:table-cell><text:p><text:s text:c="2000000000"/></text:p></table:table-cell>'
ROW = "<table:table-row{}>{}</table:table-row>"
TEN = ' table:number-{}-repeated="10000"'


@pytest.mark.parametrize(
    "rows",
    [
        ROW.format(TEN.format("rows"), FULL.format(TEN.format("columns"))),
        ROW.format(TEN.format("rows"), FULL.format(' table:number-columns-repeated="2000000000"')),
        ROW.format(' table:number-rows-repeated="2000000000"', FULL.format("")),
        ROW.format("", BLANKS),
        "<table:table-row>" * 200_000,
        pytest.param(ROW.format("", FULL.format("")) * 3_000_000, marks=pytest.mark.slow),
    ],
    ids=["repeated", "columns", "rows", "blanks", "nesting", "bytes"],
)
def test_an_open_document_that_is_vast_or_odd(study, tmp_path, capsys, rows):
    names = {
        name: f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"
        for name in ("office", "table", "text")
    }
    spaces = "".join(f' xmlns:{name}="{urn}"' for name, urn in names.items())
    body = f'<office:spreadsheet><table:table table:name="S">{rows}</table:table>'
    body = f"<office:body>{body}</office:spreadsheet></office:body>"
    content = f"<office:document-content{spaces}>{body}</office:document-content>"
    with zipfile.ZipFile(tmp_path / "b.ods", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr("META-INF/manifest.xml", "<manifest/>")
        book.writestr("content.xml", content)
    assert "b.ods" in refused(capsys, "add", study, tmp_path / "b.ods")


def test_a_parquet_file_of_one_cell_again_and_again(tmp_path, capsys):
    study = write_small_study(tmp_path / "study")
    file = study / "datapackage.json"
    content = json.loads(file.read_text())
    for resource in content["resources"]:
        if resource["name"] == "observations":
            resource |= {"path": "observations.parquet", "format": "parquet"}
    file.write_text(json.dumps(content))
    rows = pa.table(
        {"numerator": pa.DictionaryArray.from_arrays(np.zeros(140_000_000, "int8"), ["1"])}
    )
    pq.write_table(rows, study / "observations.parquet", compression="zstd")
    del rows
    assert "holds more than" in main_said(capsys, "check", study)
    (tmp_path / "t.csv").write_text(f"{HEAD}E01000001,2008-01,1,1000\n")
    refused(capsys, "add", study, tmp_path / "t.csv")


@pytest.mark.parametrize(
    "text",
    [
        ",".join(map(str, range(100_000))) + "\n",
        f"{HEAD}E01000001,2008-01,{'9' * 5000},1000\n",
        f'{HEAD}E01000001,2008-01,"{"x" * 5_000_000}",1\n',
        f"{HEAD}E01000001,99999,1,1\n",
        "\n" * 3_000_000,
        f"{HEAD}E01000001,2008-01,\0,1000\n",
    ],
    ids=["columns", "digits", "cell", "year", "lines", "nul"],
)
def test_a_table_that_is_vast_or_odd(study, tmp_path, capsys, text):
    (tmp_path / "b.csv").write_text(text, encoding="utf-8")
    assert "b.csv" in refused(capsys, "add", study, tmp_path / "b.csv")


@pytest.mark.parametrize(
    "line", [pytest.param(b"a" * 1000, marks=pytest.mark.slow), b"a,b\n" * 250]
)
def test_an_archive_of_the_same_bytes_again_and_again(study, tmp_path, capsys, line):
    with gzip.open(tmp_path / "b.csv.gz", "wb", 9) as file:
        for _ in range(400):
            file.write(line * 1000)
    assert "b.csv.gz" in refused(capsys, "add", study, tmp_path / "b.csv.gz")


@pytest.mark.parametrize(
    "text",
    [
        "- a: &x [y, y, y, y, y, y, y, y, y]\n" + "- b: &z [*x, *x, *x, *x, *x, *x, *x]\n" * 10,
        "[" * 500_000,
        f"- areas: [N1]\n  parameters: {{top: {'9' * 5000}}}\n",
        "- areas: [N1]\n  parameters: {" + ",".join(f"a{k}: 1" for k in range(40_000)) + "}\n",
        "- !!python/object/apply:os.getcwd []\n",
        "- {[1]: 2}\n",
    ],
    ids=["anchors", "nesting", "digits", "keys", "tag", "key"],
)
@pytest.mark.filterwarnings("ignore")
def test_a_batch_file(study, tmp_path, capsys, text):
    (tmp_path / "b.yaml").write_text(text, encoding="utf-8")
    words = ["reports", study, "--batch", tmp_path / "b.yaml", "--out", tmp_path / "out"]
    assert "b.yaml" in refused(capsys, *words, code=2)
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore")
def test_a_parameter_that_is_nested(study, tmp_path, capsys):
    write_template(tmp_path)
    words = ["report", study, "--area", "N1", "--template", tmp_path / "small.ipynb"]
    said = refused(capsys, *words, "-p", f"themes={'[' * 3000}", "--out", tmp_path / "o", code=2)
    assert "a list of texts" in said


@pytest.mark.parametrize("name", ["outcomes.csv", "register.jsonl", "design.toml"])
@pytest.mark.parametrize(
    "text", ["[" * 100_000, ",".join("x" * 100_000), "9" * 5000, "\0"], ids=list("dwn0")
)
def test_a_file_of_an_experiment(tmp_path, capsys, name, text):
    trial = drawn(tmp_path / "trial")
    outcomes_of(trial)
    (trial / name).write_text(text, encoding="utf-8")
    before = (trial / "register.jsonl").read_bytes()
    refused(capsys, "design", "analyse", trial, trial / "outcomes.csv")
    assert (trial / "register.jsonl").read_bytes() == before


def swap(change):
    def made(study):
        file = study / "datapackage.json"
        content = json.loads(file.read_text())
        change(content["resources"][0])
        file.write_text(json.dumps(content))

    return made


def loop(study):
    (study / "areas.csv").unlink()
    (study / "areas.csv").symlink_to("areas.csv")


def pipe(study):
    (study / "areas.csv").unlink()
    os.mkfifo(study / "areas.csv")


@pytest.mark.parametrize(
    "damage",
    [
        lambda study: (study / "datapackage.json").write_text("[" * 100_000),
        lambda study: (study / "datapackage.json").write_text('{"resources": %s}' % ("9" * 5000)),
        lambda study: (study / "datapackage.json").write_text('{"resources": []}', "utf-16"),
        swap(lambda one: one.update(path="a\0b")),
        swap(lambda one: one.update(path="../study/areas.csv/..")),
        swap(lambda one: one.update(schema="x")),
        loop,
        pipe,
    ],
    ids=["nesting", "digits", "encoding", "nul", "outside", "schema", "loop", "pipe"],
)
def test_a_study_that_is_no_study(tmp_path, capsys, damage):
    study = write_small_study(tmp_path / "study")
    (tmp_path / "t.csv").write_text(f"{HEAD}E01000001,2008-01,1,1000\n")
    damage(study)
    refused(capsys, "check", study)
    refused(capsys, "add", study, tmp_path / "t.csv")
