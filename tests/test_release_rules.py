"""What each rule withholds, also beside an earlier release; without a rule nothing is shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from changed_demo import with_tables, without_sharing
from small_study import LSOAS, small_tables, write_small_study

from lsp_analysis import open_study
from lsp_analysis.cli import main
from lsp_analysis.disclosure.counts import show_counts
from lsp_analysis.disclosure.profiles import PLAIN, find_profile, profiles_of, tables_to_show
from lsp_analysis.disclosure.release import groups_of, release_study
from lsp_analysis.errors import DisclosureError, ParameterError
from lsp_analysis.reports.job.selection import Entry, read_batch_file
from lsp_analysis.reports.run.runner import run_reports
from lsp_analysis.resources import study_path

AREAS = ["Hall i' th' Wood", "E02000993", "E01004766", "E01004786"]

pytestmark = pytest.mark.usefixtures("kept_parent")


@pytest.fixture(scope="module")
def full():
    return open_study(study_path("bolton_demo"))


@pytest.mark.parametrize("profile", ["nhs", "ons_5", "tre_10"])
@pytest.mark.slow
def test_what_is_shown_does_not_depend_on_which_of_two_withheld_counts_is_which(full, profile):
    """Withheld counts of one MSOA and year exchanged: everything that is shown stays as it was.

    All that pages say follows from what is shown, so they cannot tell the two studies apart.
    """
    rule, groups = find_profile(profile), groups_of(full)
    indicator, panel = full.indicator("neet"), full.panel("neet")
    panel["denominator"] = 80.0
    shown = show_counts(panel, groups, indicator, rule)
    hidden = shown.rows[(shown.rows["note"] == "suppressed")].set_index(["area_code", "period"])
    counts = panel.set_index(["area_code", "period"])["numerator"]
    exchanged, swapped = counts.copy(), 0
    overlapping = groups["hall-i-th-wood-wide"]
    for code, members in groups.items():
        if not code.startswith("E02"):
            continue
        for period in panel["period"].unique():
            keys = [
                (m, period)
                for m in members
                if m not in overlapping
                and (m, period) in hidden.index
                and rule.is_small(counts[m, period])
            ]
            if len(keys) > 1 and counts[keys[0]] != counts[keys[1]]:
                exchanged[keys[0]], exchanged[keys[1]] = counts[keys[1]], counts[keys[0]]
                swapped += 1
    assert swapped > 20
    changed = panel.assign(numerator=exchanged.to_numpy())
    changed["value"] = changed["numerator"] / changed["denominator"] * indicator.multiplier
    if profile != "nhs":  # which other counts go with them may depend on the values
        protected = show_counts(changed, groups, indicator, rule).rows
        small = rule.is_small(changed["numerator"])
        assert protected["numerator"][: len(panel)][small].isna().all()
        return
    pd.testing.assert_frame_equal(show_counts(changed, groups, indicator, rule).rows, shown.rows)


def test_months_with_small_counts_are_joined_to_years_and_stocks_are_not_added_up(full):
    rule, groups = find_profile("nhs"), groups_of(full)
    for name in ("burglary", "jobseekers"):
        shown = show_counts(full.panel(name), groups, full.indicator(name), rule)
        assert shown.by_year
        assert shown.rows["period"].dtype.freq.freqstr.startswith("Y")
    stock = shown.rows[shown.rows["area_code"] == "E08000001"]["numerator"]
    people = full.panel("jobseekers").groupby("period")["numerator"].sum().mean()
    assert stock.mean() == pytest.approx(people, rel=0.01)  # a month's average, not twelve months


def test_borough_totals_of_the_copy_are_those_of_the_full_counts(full):
    rule, groups = find_profile("nhs"), groups_of(full)
    panel = full.panel("neet")
    shown = show_counts(panel, groups, full.indicator("neet"), rule).rows
    areas = shown[~shown["area_code"].isin(list(groups))]
    added = areas["numerator"].fillna(areas["imputed"]).groupby(areas["period"]).sum()
    true = panel.groupby("period")["numerator"].sum()
    assert ((added / true - 1).abs() < 0.04).all()  # totals of MSOAs are rounded one by one


class TestFailsClosed:
    def test_an_indicator_without_a_rule_stops_the_run_and_is_named(self, full, tmp_path, capsys):
        indicators = full.indicators()
        indicators.loc[3, "disclosure_profile"] = None
        study = with_tables(tmp_path / "study", indicators=indicators)
        words = ["report", str(study), "--area", AREAS[0], "--audience", "public"]
        assert main([*words, "--out", str(tmp_path / "out")]) == 2
        assert '"gcse_five_good" has no rule' in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    def test_an_unknown_rule_stops_it_too(self, full, tmp_path):
        indicators = full.indicators().assign(disclosure_profile="nhss")
        study = open_study(with_tables(tmp_path / "study", indicators=indicators))
        with pytest.raises(DisclosureError, match='no disclosure profile "nhss"'):
            profiles_of(study)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda t: t[t["table"] != "plan"], "no agreement covers plan"),
            (lambda t: t.assign(expires="2011-03-31"), "agreement on observations, .* has expired"),
            (lambda t: t.assign(may_publish=False), "does not let the audience public see"),
        ],
    )
    def test_a_missing_expired_or_closed_agreement_is_named(self, full, tmp_path, change, said):
        sharing = change(full.read("sharing"))
        study = open_study(with_tables(tmp_path / "study", sharing=sharing))
        with pytest.raises(DisclosureError, match=said):
            tables_to_show(study, "public")

    def test_a_table_that_may_not_be_published_is_left_out(self, full):
        assert "resources" not in tables_to_show(full, "public")

    def test_a_batch_is_for_whom_its_templates_are(self, tmp_path):
        file = tmp_path / "batch.yaml"
        area = "- areas: [E01004766]\n"
        file.write_text(f"{area}  template: report_public\n")
        study = without_sharing(tmp_path / "study")
        with pytest.raises(DisclosureError, match="no agreement covers"):
            run_reports(study, read_batch_file(file), out=tmp_path / "out")
        file.write_text(f"{area}  template: report_public\n{area}")
        with pytest.raises(ParameterError, match="for different audiences"):
            run_reports(study, read_batch_file(file), out=tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_an_unknown_audience_is_refused(self, tmp_path):
        with pytest.raises(ParameterError, match='no audience "pubic"'):
            run_reports(study_path("bolton_demo"), [Entry(AREAS)], out=tmp_path, audience="pubic")


class TestReleasesBesideEachOther:
    @pytest.fixture
    def study(self, tmp_path):
        """A study of one indicator under `rule`, with one count, the name or a table changed."""

        def made(rule="ons_5", count=None, name="anytown", **changed):
            tables = small_tables() | changed
            del tables["plan"]  # on another indicator
            for table in ("indicators", "observations"):
                rows = tables[table]
                tables[table] = rows[rows["indicator_id"] == "smoking"].reset_index(drop=True)
            tables["indicators"]["disclosure_profile"] = rule
            if count:
                tables["observations"].loc[0, "numerator"] = count
            names = [table for table in tables if table not in PLAIN]
            tables["sharing"] = pd.DataFrame({"table": names}).assign(may_publish=True)
            folder = tmp_path / "studies" / str(len(list(tmp_path.glob("studies/*"))))
            return open_study(write_small_study(folder, tables, about={"name": name}))

        return made

    @pytest.fixture
    def release(self, study, tmp_path):
        """Release such a study into a folder; the row of the count that may be changed."""

        def made(out, **how):
            path = release_study(study(**how), tmp_path / "public" / out, "public")
            rows = open_study(path).read("observations")
            return rows[rows["area_code"] == LSOAS[0]].iloc[0]

        return made

    def test_what_one_withheld_the_next_withholds(self, release):
        assert release("first", count=3)["note"] == "suppressed"
        assert release("second", count=20)["note"] == "suppressed"
        assert release("another", count=20, name="elsewhere")["numerator"] == 20

    def test_another_rule_is_refused(self, release):
        release("first")
        with pytest.raises(DisclosureError, match="by another rule"):
            release("second", rule="nhs")
        with pytest.raises(DisclosureError, match="first shows"):
            release("second", rule="ons_3")

    def test_an_area_of_other_small_areas_than_before_is_refused(self, release):
        release("first")
        members = small_tables()["area_members"]
        own = members["area_code"] == "E02000001"
        fewer = members.drop(members.index[own][0])
        with pytest.raises(DisclosureError, match="E02000001 is made of other small areas"):
            release("second", area_members=fewer)

    def test_another_study_is_refused_in_the_same_folder_and_free_in_another(self, release):
        release("first")
        with pytest.raises(DisclosureError, match="holds pages of another study, anytown"):
            release("first", name="elsewhere")
        release("second", rule="nhs", name="elsewhere")


def few_indicators(full, *names):
    """The tables `observations` and `indicators` of these alone, for what is the same with all."""
    tables = {name: full.read(name) for name in ("observations", "indicators")}
    return {name: rows[rows["indicator_id"].isin(names)] for name, rows in tables.items()}


@pytest.fixture(scope="module")
def ten(full, tmp_path_factory):
    """A public copy where the agreements let no count below ten be seen."""
    sharing, top = full.read("sharing"), tmp_path_factory.mktemp("ten")
    closed = sharing["table"].isin(["observations", "populations"])
    sharing["min_cell"] = sharing["min_cell"].mask(closed, 10)
    tables = few_indicators(full, "influence", "neet", "gcse_five_good")
    study = open_study(with_tables(top / "study", sharing=sharing, **tables))
    return open_study(release_study(study, top / "out", "public"))


def test_a_smallest_cell_of_the_agreement_raises_the_rule(ten):
    copy = ten
    profiles = copy.indicators().set_index("indicator_id")["disclosure_profile"]
    rows = copy.read("observations")
    closed = rows["indicator_id"].map(profiles) != "open"
    assert closed.sum() > 100
    assert not rows.loc[closed, "numerator"].between(1, 9).any()


def test_a_value_without_counts_needs_its_owners_leave(full):
    panel = full.panel("neet").assign(numerator=np.nan)
    with pytest.raises(DisclosureError, match="give it the profile open"):
        show_counts(panel, groups_of(full), full.indicator("neet"), find_profile("ons_5"))


def test_people_in_a_denominator_are_counted_as_those_in_a_numerator(full):
    """A class of three pupils is a count of three: neither shown, nor left over by subtraction."""
    rule, groups = find_profile("ons_5"), groups_of(full)
    indicator, panel = full.indicator("gcse_five_good"), full.panel("gcse_five_good")
    at = panel.index[(panel["area_code"] == AREAS[2])]
    panel.loc[at, "denominator"] = 3.0
    panel.loc[at, "numerator"] = panel.loc[at, "numerator"].clip(upper=3)
    rows = show_counts(panel, groups, indicator, rule).rows
    own = rows[rows["area_code"] == AREAS[2]]
    assert own["denominator"].isna().all()
    assert own["numerator"].isna().all()
    for code, members in groups.items():
        if AREAS[2] not in members:
            continue
        for period, then in rows.groupby("period"):
            total = then.loc[then["area_code"] == code, "denominator"].iloc[0]
            parts = then.loc[then["area_code"].isin(members), "denominator"]
            assert np.isnan(total) or parts.isna().sum() != 1, (code, period)


@pytest.mark.parametrize("profile", ["ons_5", "tre_10"])
def test_a_withheld_count_is_wide_enough_for_one_who_knows_how_many_people_it_is_of(full, profile):
    """Two of four areas with nearly everybody counted: no count is above its people."""
    from lsp_analysis.disclosure.deduction import Knowledge, sum_matrix
    from lsp_analysis.disclosure.suppression import withhold

    rule, rng = find_profile(profile), np.random.default_rng(3)
    for _ in range(40):
        people = rng.integers(rule.hidden_to + 1, 40, size=8).astype(float)
        counts = people - np.where(rng.random(8) < 0.5, 0, rng.integers(0, 6, size=8))
        people, counts = np.append(people, people.sum()), np.append(counts, counts.sum())
        small = rule.is_small(counts) | rule.is_small(people - counts)
        sums = sum_matrix(9, [(8, list(range(8)))])
        try:
            hidden = withhold(counts, sums, rule, small=small, most=people)
        except DisclosureError:
            continue
        low, high = np.where(hidden, 1, counts), np.where(hidden, people, counts)
        ranges = Knowledge(low, high, sums).ranges(np.flatnonzero(hidden).tolist())
        assert all(b - a >= rule.width - 1e-6 for a, b in ranges.values())


def test_ages_of_an_area_with_a_band_below_the_smallest_cell_are_not_released(full, ten):
    given, shown = full.read("populations"), ten.read("populations")
    assert not shown["population"].between(1, 9).any()
    assert set(shown["area_code"]) == set(given["area_code"])
    kept = shown.groupby(["area_code", "period"]).size()
    few = given[given["population"].between(1, 9)].groupby(["area_code", "period"]).size().index
    assert len(few) > 10
    assert (kept[few] == 1).all()  # all ages together
