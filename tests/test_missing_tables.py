"""What a study lacks never stops a page: all five templates, with each table left out in turn."""

from itertools import combinations

import pandas as pd
import pytest
from lxml import html
from small_study import BOROUGH, small_tables, squares, write_small_study

from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.run.runner import run_reports

OPTIONAL = ("deprivation", "code_lookup", "populations", "plan", "interventions", "events",
            "geometry")  # fmt: skip
TEMPLATES = {"report_area": "N1", "report_public": "N1", "report_highlight": BOROUGH,
             "report_lead_agencies": BOROUGH, "report_thematic": BOROUGH}  # fmt: skip
pytestmark = pytest.mark.usefixtures("kept_parent")


def pages_of(folder, tables, geometry=None):
    """The text of each template's page of a study of these tables, which may all be published."""
    indicators = tables["indicators"].assign(disclosure_profile="open")
    agreed = pd.DataFrame({"table": list(tables), "owner_agency": "Council", "min_cell": 1,
                           "recipients": "all", "purpose": "to test", "basis": "invented",
                           "may_publish": True})  # fmt: skip
    tables = {**tables, "indicators": indicators, "sharing": agreed}
    study = write_small_study(folder / "study", tables, geometry=geometry)
    found = {}
    internal = [template for template in TEMPLATES if template != "report_public"]
    for name, templates in (("public", ["report_public"]), ("internal", internal)):
        asked = [Entry([TEMPLATES[one]], template=one) for one in templates]
        batch = run_reports(study, asked, out=folder / name)
        assert not batch.failed, [(record.template, record.reason) for record in batch.failed]
        for record in batch.records:
            page = html.fromstring(record.page.read_bytes())
            text = page.xpath('//*[@id="main"]')[0].text_content()
            found[record.template] = " ".join(text.split())
    assert set(found) == set(TEMPLATES)
    return found


def pages_without(missing, folder):
    tables = {name: table for name, table in small_tables().items() if name not in missing}
    return pages_of(folder, tables, None if "geometry" in missing else squares())


@pytest.mark.parametrize(
    "missing",
    [OPTIONAL, *(pytest.param([m], id=m, marks=pytest.mark.slow) for m in OPTIONAL)],
)
def test_a_study_without_tables_has_all_pages(missing, tmp_path):
    """Without any that a study may lack, and in the slow tests without each of them."""
    pages = pages_without(missing, tmp_path)
    plan = 'The study has no table "plan", so progress against targets is not known.'
    for template in ("report_lead_agencies", "report_thematic"):
        assert (pages[template].count(plan) == 1) == ("plan" in missing)
    for template, told in pages.items():
        assert "Traceback" not in told
        assert " nan" not in told.casefold(), template


@pytest.mark.slow
@pytest.mark.parametrize("missing", list(combinations(OPTIONAL, 2)), ids="-".join)
def test_a_study_without_two_tables_has_all_pages(missing, tmp_path):
    assert all(pages_without(missing, tmp_path).values())


@pytest.mark.slow
def test_a_study_whose_indices_are_all_later_than_the_start_has_all_pages(tmp_path):
    tables = small_tables()
    last = tables["deprivation"]["edition"] == 2007
    tables["deprivation"] = tables["deprivation"][last].assign(edition=2019)
    assert all(pages_of(tmp_path, tables, squares()).values())
