"""What the notebooks draw and what they say beside it are one story."""

import pandas as pd
import pytest
from conftest import ROOT

from lsp_analysis import experiments, open_study, standing
from lsp_analysis.experiments import example
from lsp_analysis.figures.style import alt_of, data_of

DEMO = ROOT / "data" / "bolton_demo"
TEXT = "Lotto 13 February 2010: 4 16 20 25 38 45"  # of notebook 08
PLANNED_A_MONTH = 16
MONTHS = 12
WELL = 80  # per cent of what was planned


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    return example.Story(open_study(DEMO), tmp_path_factory.mktemp("demo"), text=TEXT)


@pytest.fixture(scope="module")
def delivery(story):
    return story.delivery()


@pytest.fixture(scope="module")
def result(story):
    return story.analyse()


def test_the_chart_of_delivery_agrees_with_its_sentence(delivery):
    drawn = data_of(delivery.plot())
    lowest = drawn.loc[drawn["value"].idxmin()]
    assert lowest["value"] < WELL
    assert (drawn.groupby("series")["value"].mean() > WELL).all()
    assert delivery.sentence() == (
        "Over all periods, delivery was as planned. Delivered of what was planned was below 80% "
        f"for a time: lowest in April 2010, {lowest['value']:.1f}% in {lowest['series']}."
    )
    assert str(lowest["period"]) == "2010-04"


def test_an_arm_that_was_stopped_ends_in_the_chart_and_had_its_share_in_the_flow(delivery, result):
    drawn = data_of(delivery.plot())
    ends = drawn.groupby("series")["period"].max().astype(str)
    assert ends.to_dict() == {
        "Evening wardens": "2011-03",
        "Letters to parents": "2011-03",
        "Moving groups on": "2010-10",
    }
    rows = delivery.table[delivery.table["measure"] == "dose"]
    done = rows.groupby("arm")["numerator"].sum()
    received = result.trial.rows.assign(arm=result.trial.rows["unit"].map(result.trial.arm_of_unit))
    for arm, share in received.groupby("arm")["received"].mean().items():
        planned = result.trial.arm_of_unit.eq(arm).sum() * PLANNED_A_MONTH * MONTHS
        assert done.get(arm, 0) / planned == pytest.approx(share, abs=0.03)


def test_every_picture_of_the_demonstration_is_stamped_and_names_what_it_shows(
    story, delivery, result
):
    pictures = {
        "Delivered of what was planned": delivery.plot(),
        "Anti-social behaviour": result.plot(),
        "Anti-social behaviour:": result.contrasts[0].test.plot(),
        "": experiments.draw_trial_flow(result),
        "Anti-social behaviour,": story.pooled(result).plot(),
    }
    for named, ax in pictures.items():
        assert [text.get_text() for text in ax.figure.texts] == ["Simulated data"], named
        assert named in f"{ax.get_title(loc='left')} {ax.get_xlabel()}", alt_of(ax)


@pytest.mark.parametrize("name", ["Hall i' th' Wood", "E01004803"])
def test_notebooks_04_and_09_agree_on_what_was_done_where(name):
    study = open_study(DEMO)
    place = standing.area_brief(study, name)
    marked = place.events(place.main_indicator())
    own = study.read("events").merge(marked[["label"]], on="label")
    own = own[own["intervention_id"].fillna("") != ""]
    activity = standing.activity(place)
    days = activity.at_once.loc[activity.at_once["interventions"] > 0, "day"]
    under_way = pd.PeriodIndex(days, freq="M")
    assert activity.table["interventions"].sum() == own["intervention_id"].nunique()
    assert (name == "Hall i' th' Wood") == (len(own) > 0)
    dates = pd.PeriodIndex(own["date"], freq="M")
    assert set(dates) <= set(under_way)
    if len(own):
        assert (under_way.min(), under_way.max()) == (dates.min(), dates.max())
