"""Hostile names come out right in path, page, PDF, index, log and spreadsheet."""

import csv
import io
import re

import pytest
from report_templates import write_template
from small_study import small_tables, write_small_study
from test_page import Tags

from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.page import pdf
from lsp_analysis.reports.run.runner import run_reports

NAMES = {
    "E01000001": "<script>alert('1')</script>",
    "E01000002": '"quoted", =cmd()\n../../etc',
    "E01000003": "\u202edlrow olleh " + "x" * 300,
    "E01000004": "=HYPERLINK(1) ' OR 1=1; {{7*7}} ${7*7} {area} $\\alpha$ %s",
}
TOLD = []

pytestmark = pytest.mark.usefixtures("kept_parent")


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    work = tmp_path_factory.mktemp("hostile")
    tables = small_tables()
    areas = tables["areas"].set_index(["area_code", "code_vintage"])
    for code, name in NAMES.items():
        areas.loc[(code, 2011), "area_name"] = name
    tables["areas"] = areas.reset_index()
    return run_reports(
        write_small_study(work / "study", tables),
        [Entry(every_area=True, template=write_template(work), formats=["html", "pdf"])],
        out=work / "out",
        progress=TOLD.append,
    )


@pytest.fixture(params=NAMES)
def record(request, batch):
    return next(one for one in batch.records if one.area_code == request.param)


def test_every_report_is_made_in_a_folder_of_its_own(batch):
    assert batch.failed == []
    assert len({record.name for record in batch.records}) == len(NAMES)
    for record in batch.records:
        assert re.fullmatch(r"[a-z0-9-]{1,90}", record.name)
        assert record.page.resolve().is_relative_to(batch.out.resolve())


def test_the_page_shows_the_name_as_text(record):
    page = record.page.read_text(encoding="utf-8")
    tags = Tags(page)
    assert not tags.of("script")
    assert NAMES[record.area_code].split()[0] in re.sub(
        r"&(lt|gt|#39|#34|quot|amp);",
        lambda found: {"lt": "<", "gt": ">", "#39": "'", "#34": '"', "quot": '"', "amp": "&"}[
            found[1]
        ],
        page,
    )
    assert "49" not in re.search(r"<h1>(.*?)</h1>", page, re.DOTALL)[1]


def test_no_name_turns_round_the_sentence_it_stands_in(batch, record):
    for page in (record.page, batch.index):
        text = page.read_text(encoding="utf-8")
        assert text.count("\u202e") == text.count("\u202c")
    if "\u202e" in record.headline:
        assert record.headline.index("\u202c") < record.headline.index(" has 1 small areas")


def test_no_spreadsheet_takes_the_name_for_a_formula(record):
    [table] = record.page.parent.glob("tables/*.csv")
    for row in csv.reader(io.StringIO(table.read_text(encoding="utf-8-sig"))):
        for cell in row:
            assert not re.match(r"[=@\t]|[+-](?![\d.]+$)", cell)


def test_the_pdf_is_made(record):
    if lacks := pdf.missing():
        pytest.skip(lacks)
    assert record.pdf.read_bytes().startswith(b"%PDF-")


def test_the_index_leads_to_all_of_them(batch):
    page = batch.index.read_text(encoding="utf-8")
    links = [attrs["href"] for attrs in Tags(page).of("a")]
    for record in batch.records:
        assert f"{record.name}/{record.name}.html" in links
    assert page.count("<script") == 1
    assert "{{" in page
    assert "alert('1')" not in page


def test_the_summary_and_the_progress_stay_on_their_lines(batch):
    assert len(batch.sentence().splitlines()) == 1
    assert len(TOLD) == len(NAMES)
    for line in TOLD:
        assert line.isprintable()
