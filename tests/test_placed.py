"""A police file that loses places month by month is no fall of crime, from the file to the page."""

from __future__ import annotations

import native_files as native
import numpy as np
import pytest

from lsp_analysis import area_brief, open_study
from lsp_analysis.reports import view
from lsp_analysis.sources import import_study
from lsp_analysis.standing.comparison.profiles import headline

EACH = 20  # burglaries a month in every area, whether placed or not
MONTHS = [f"{year}-{month:02d}" for year in (2011, 2012, 2013) for month in range(1, 13)]


def street(month, share_lost):
    rows = []
    for code in native.NEW:
        lost = round(EACH * share_lost)
        for n in range(EACH):
            row = native.street_row(month, "Burglary", code, f"{month}{code}{n}")
            if n < lost:
                row[4:9] = ["", "", "No Location", "", ""]
            rows.append(row)
    return rows


def study_of(folder, losses):
    native.write_lookups(folder / "native")
    native.write_population(folder / "native")
    native.write_boundaries(folder / "native" / "maps")
    for month, lost in zip(MONTHS, losses, strict=True):
        native.write_street(folder / "native", month, street(month, lost))
    made = import_study(folder / "native", borough=native.BOROUGH, out=folder / "study")
    return open_study(made.path)


@pytest.fixture(scope="module")
def briefs(tmp_path_factory):
    """Of the first area: places lost by and by, all at once, and never."""
    rising = np.concatenate([np.zeros(12), np.linspace(0, 0.2, 24)])
    at_once = np.repeat([0.0, 0.2], [24, 12])
    cases = {"rising": rising, "at once": at_once, "never": np.zeros(36)}
    return {
        name: area_brief(study_of(tmp_path_factory.mktemp("placed"), losses), native.NEW[0])
        for name, losses in cases.items()
    }


@pytest.mark.parametrize("case", ["rising", "at once"])
def test_no_area_is_better_because_less_was_placed(briefs, case):
    brief = briefs[case]
    for code in native.NEW:
        row = brief.about(code).profile.table.loc["burglary"]
        assert row["change_verdict"] == "not comparable", code
        assert row["change_reason"] == "counted anew since", code
        assert row["verdict"] not in ("better", "worse"), code


@pytest.mark.parametrize("case", ["rising", "at once"])
def test_the_share_placed_goes_from_the_file_to_the_page(briefs, case):
    brief = briefs[case]
    row = brief.profile.table.loc["burglary"]
    panel = brief.measured("burglary").observed
    last = panel[(panel["area_code"] == native.NEW[0]) & (panel["period"].dt.year == 2013)]
    assert row["coverage"] == pytest.approx(last["coverage"].mean())
    assert row["coverage"] < 0.9
    assert f"{100 * row['coverage']:.0f}% of cases could be placed" in row["caution"]
    assert str(row["since"]) == "2013"
    page = view.all_measures(brief)
    shown = page.frame.set_index("indicator_id").loc["burglary"]
    assert shown["coverage"] == row["coverage"]
    assert str(shown["since"]) == "2013"
    rows = [one for theme in page.data["themes"] for one in theme["rows"]]
    told = next(one for one in rows if one["name"] == brief.indicator("burglary").name)
    assert "could be placed" in told["about"]
    assert "before 2013" in str(view_unknown(brief))
    assert "Burglary" not in str(view.gap_arrows(brief))
    assert headline(brief.profile, brief.study, brief.area)


def view_unknown(brief):
    from lsp_analysis import programme_effects, programme_in

    programme = programme_in(brief.study, brief.area)
    effects = programme_effects(brief.study, programme, primary="burglary")
    return view.first_screen(brief, effects).data["unknown"]


def test_where_all_is_placed_years_are_compared(briefs):
    row = briefs["never"].profile.table.loc["burglary"]
    assert row["change"] == pytest.approx(0, abs=0.5)  # residents change a little
    assert row["change_verdict"] == "no clear difference"
    assert row["coverage"] == 1
    assert "placed" not in row["caution"]
