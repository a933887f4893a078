"""Equal numbers are equal, letter for letter, on the pages of all five templates."""

from collections import defaultdict
from itertools import combinations

import pandas as pd
import pytest
from conftest import ROOT
from lxml import html

from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.run.runner import run_reports

pytestmark = pytest.mark.usefixtures("kept_parent")
AREA, OTHERS = "Hall i' th' Wood", ["E02000984", "E02000985"]
PAGES = {
    "report_area": Entry([AREA]),
    "report_public": Entry([AREA], template="report_public"),
    "report_highlight": Entry(["Bolton"], template="report_highlight",
                              parameters={"areas": [AREA, *OTHERS]}),
    "report_lead_agencies": Entry(["Bolton"], template="report_lead_agencies"),
    "report_thematic": Entry(["Bolton"], template="report_thematic"),
}  # fmt: skip


def told_by(folder):
    """All that a page prints of a measure, by its name, its unit with the period, and whose."""
    made = next(folder.glob("*/*.html"))
    found = defaultdict(set)
    for row in html.fromstring(made.read_bytes()).xpath('//table[@class="measures"]//tr[td]'):
        unit = row[0].xpath(".//summary | .//small")[0].text_content()
        about = (row[0].text.strip(), unit, row[1].get("data-label"))  # and whose row it is
        for cell in row.xpath("./td[@data-label]"):
            found[*about, cell.get("data-label")].add(cell.text_content())
        word = row.xpath('./td[@class="stand"]/b')[0].text_content()
        found[*about, "verdict"].add(word.lower())
    for file in made.parent.glob("tables/*.csv"):
        table = pd.read_csv(file, dtype=str).rename(columns={"indicator": "name"})
        if not {"name", "unit", "when", "value", "comparator_value", "verdict"} <= set(table):
            continue
        if "area" in table:  # every area of the borough's page: the one whose page is held to it
            table = table[table["area"] == table["area"].iloc[0]]
        for row in table.dropna(subset="value").to_dict("records"):
            for column in ("value", "comparator_value", "verdict"):
                found[row["name"], f"{row['unit']}, {row['when']}", column].add(row[column])
    return found


def held_equal(study, names, out):
    """How many values each two of the pages share, and that each is told alike on both."""
    told, shared = {}, {}
    for name in names:
        # A public copy has its counts rounded first, so all are made from the full ones.
        batch = run_reports(study, [PAGES[name]], out=out / name, audience="internal")
        assert not batch.failed, [record.reason for record in batch.failed]
        told[name] = told_by(out / name)
        for key, said in told[name].items():
            assert len(said) == 1, (name, key, said)
    for one, other in combinations(names, 2):
        both = told[one].keys() & told[other].keys()
        differ = {key: (told[one][key], told[other][key]) for key in both
                  if told[one][key] != told[other][key]}  # fmt: skip
        assert not differ, (one, other, differ)
        shared[one, other] = len(both)
    return shared


def test_every_value_on_two_pages_of_the_demonstration_is_the_same_text(tmp_path):
    shared = held_equal(ROOT / "data" / "bolton_demo", list(PAGES), tmp_path)
    for pair in (("report_area", "report_public"), ("report_area", "report_highlight"),
                 ("report_lead_agencies", "report_thematic")):  # fmt: skip
        assert shared[pair] >= 30, shared


@pytest.mark.slow
def test_every_value_on_two_pages_of_a_real_study_is_the_same_text(real_small, tmp_path):
    shared = held_equal(real_small, ["report_area", "report_highlight"], tmp_path)
    assert shared["report_area", "report_highlight"] >= 5, shared
