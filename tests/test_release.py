"""Pages for an audience are made from a copy of the study that holds no small count."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from attack_on_pages import attack
from changed_demo import with_tables
from small_study import write_small_study

from lsp_analysis import open_study
from lsp_analysis.cli import main
from lsp_analysis.disclosure.audit import MARKING, audit_folder
from lsp_analysis.disclosure.release import FOLDER, groups_of, release_study
from lsp_analysis.errors import DisclosureError, InternalNotice
from lsp_analysis.reports.job.manifest import read_records
from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.page.index import index_as_made
from lsp_analysis.reports.run.runner import Workers, run_reports
from lsp_analysis.resources import study_path
from lsp_analysis.study.indicator import join_periods

AREAS = ["Hall i' th' Wood", "E02000993", "E01004766", "E01004786"]
NUMBER = re.compile(r"(?<![\w.])\d+\.\d{3,}(?![\w.])")

pytestmark = pytest.mark.usefixtures("kept_parent")


@pytest.fixture(scope="module")
def full():
    return open_study(study_path("bolton_demo"))


@pytest.fixture(scope="module")
def strict(tmp_path_factory, full):
    """The demo study with every indicator under the rule `nhs`."""
    indicators = full.indicators().assign(disclosure_profile="nhs")
    return with_tables(tmp_path_factory.mktemp("study") / "strict", indicators=indicators)


def public_pages(strict, areas, out):
    batch = run_reports(strict, [Entry(areas)], out=out, audience="public", workers=Workers(1))
    assert not batch.failed, batch.sentence()
    return out


@pytest.fixture(scope="module")
def public(tmp_path_factory, strict):
    """A public batch of that study: the neighbourhood and a small area."""
    return public_pages(strict, AREAS[:3:2], tmp_path_factory.mktemp("public") / "pages")


@pytest.fixture(scope="module")
def public_of_all(tmp_path_factory, strict):
    """The same of all four areas, which overlap, for what an attacker makes of them together."""
    return public_pages(strict, AREAS, tmp_path_factory.mktemp("public") / "all")


def true_counts(study):
    """Every count an attacker is after: small areas by period and by year, and larger areas."""
    groups = groups_of(study)
    frames = []
    for row in study.indicators().itertuples():
        indicator, panel = study.indicator(row.indicator_id), study.panel(row.indicator_id)
        years = join_periods(panel, indicator, panel["period"].dt.year)
        years = years.assign(period="in " + years["window"].astype(str))
        every = pd.concat([panel.assign(period=panel["period"].astype(str)), years])
        every = every[["area_code", "period", "numerator", "denominator"]]
        parts = [every]
        for code, members in groups.items():
            own = every[every["area_code"].isin(members)].groupby("period").sum(numeric_only=True)
            parts.append(own.reset_index().assign(area_code=code))
        made = pd.concat(parts).assign(indicator_id=row.indicator_id, multiplier=row.multiplier)
        frames.append(made)
    return pd.concat(frames, ignore_index=True)


def ages_of_residents(study):
    """Shares of residents by age and sex, which are published by their owner."""
    rows = study.read("populations")
    groups = {code: [code] for code in study.small_areas()["area_code"]} | dict(groups_of(study))
    bands = rows[rows["age_band"] != "all"].pivot_table(
        index=["period", "sex", "age_band"], columns="area_code", values="population"
    )
    made = set()
    for codes in groups.values():
        people = bands[list(codes)].sum(axis=1)
        whole = people.groupby(level="period").transform("sum")
        both = people.groupby(level=["period", "age_band"]).transform("sum")
        for share in (people / whole, both / whole):
            made |= {f"{x:.7g}" for x in 100 * share.unique()}
    return made


class TestTheAttack:
    @pytest.mark.slow
    def test_no_number_of_any_file_is_a_rate_or_limit_of_a_count_from_one_to_seven(
        self, public_of_all, strict
    ):
        """Rates, Wilson's, Byar's and exact limits of every small count, looked for everywhere."""
        from lsp_analysis.standing.comparison.intervals import poisson_limits, wilson_limits

        true = true_counts(open_study(strict))
        small = true[true["numerator"].between(1, 7) & (true["denominator"] > 7)]
        # A value that another count has as well, rounded, gives nothing back.
        large = true[(true["numerator"] > 7) & (true["denominator"] > 0)]
        as_shown = 5 * np.floor(large["numerator"] / 5 + 0.5)
        scale, base = small["multiplier"].to_numpy(), small["denominator"].to_numpy()
        low, high = poisson_limits(small["numerator"])
        part = np.minimum(small["numerator"], base)
        shares = wilson_limits(part, base)
        secrets = np.concatenate(
            [x * scale for x in (small["numerator"] / base, low / base, high / base, *shares)]
        )
        innocent = large["multiplier"] / large["denominator"] * as_shown
        shares = as_shown / (5 * np.floor(large["denominator"] / 5 + 0.5)) * large["multiplier"]
        known = {f"{x:.7g}" for x in (*innocent, *innocent / 12, *shares)}
        known |= ages_of_residents(open_study(strict))
        codes = np.tile(small["area_code"], 5)
        for record in read_records(public_of_all).values():
            own = np.isin(codes, [record.area_code, *record.members])
            given = {f"{x:.7g}" for x in secrets[own] if x > 0 and round(x, 3) != x} - known
            assert len(given) > 100
            seen = set()
            for file in (public_of_all / record.name).rglob("*.*"):
                if file.suffix in (".html", ".csv", ".ipynb"):
                    text = file.read_text(encoding="utf-8", errors="ignore")
                    seen |= {f"{float(x):.7g}" for x in NUMBER.findall(text)}
            assert len(seen) > 300
            found = {x for x in seen & given if len(x.replace(".", "")) >= 7}
            assert not found, (record.name, found)

    @pytest.mark.slow
    def test_an_outsider_with_the_finished_files_gets_no_small_count_back(self, public_of_all):
        """From long and printed numbers, limits, drawings, ranks and sums over areas."""
        found = attack(public_of_all, sums=["influence"])
        assert not any(found.values()), found

    @pytest.mark.slow
    def test_the_same_outsider_gets_small_counts_back_from_internal_pages(
        self, public_of_all, strict, tmp_path
    ):
        """So that the attack is known to see them where they are."""
        entry = Entry([AREAS[0], *AREAS[2:]])
        run_reports(strict, [entry], out=tmp_path / "out", workers=Workers(1))
        found = attack(tmp_path / "out", public_of_all / FOLDER)
        true = true_counts(open_study(strict)).set_index(["indicator_id", "area_code", "period"])
        for way in ("numbers", "printed", "pictures"):
            counts = [
                next(
                    true["numerator"].get((name, area, f"{form}{year}"))
                    for form in ("in ", "")
                    if (name, area, f"{form}{year}") in true.index
                )
                == count
                for name, area, year, count in found[way]
            ]
            assert any(counts), (way, found[way])
        assert found["ranks"]

    def test_the_copy_shows_no_count_from_one_to_seven_and_only_multiples_of_five(self, public):
        rows = open_study(public / FOLDER).read("observations")
        counts = rows["numerator"].dropna()
        assert (counts % 5 == 0).all()
        assert not counts.between(1, 7).any()
        withheld = rows["note"] == "suppressed"
        assert (
            rows.loc[withheld, ["numerator", "value", "lower95", "upper95"]].isna().all(axis=None)
        )
        assert (rows["sex"] == "all").all()

    def test_every_page_was_made_from_the_copy(self, public):
        for file in public.glob("*/*.ipynb"):
            injected = json.loads(file.read_text(encoding="utf-8"))["metadata"]["lsp"]
            assert injected["parameters"]["study"] == str((public / FOLDER).resolve())

    def test_the_audit_of_the_finished_folder_passes(self, public):
        assert "none can be deduced" in audit_folder(public, as_made=index_as_made(public))

    def test_the_audit_finds_each_file_that_was_changed(self, public, tmp_path):
        spoilt, changed = shutil.copytree(public, tmp_path / "spoilt"), set()
        for pattern, old, new in (
            ("*/*.html", "</body>", "<p>NEET: 4 people</p></body>"),
            ("*/*.html", 'aria-label="', 'aria-label="4 people. '),
            ("*/tables/*.csv", "\n", "\n4,"),
            ("*/*.ipynb", '"outputs": [', '"outputs": [ '),
            ("index.html", "</body>", "<p>NEET: 4 people</p></body>"),
            (f"{FOLDER}/effects.json", '"sentence": "', '"sentence": "4 people. '),
            (f"{FOLDER}/indicators.csv", "nhs", "open"),
        ):
            files = [one for one in spoilt.glob(pattern) if one not in changed]
            file = next(one for one in files if old in one.read_text(encoding="utf-8"))
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace(old, new, 1), encoding="utf-8")
            changed.add(file)
        with pytest.raises(DisclosureError) as told:
            audit_folder(spoilt, as_made=index_as_made(public))
        for file in changed:
            assert f"{file.relative_to(spoilt).as_posix()} was changed" in str(told.value)

    def test_the_audit_finds_a_rule_that_was_loosened(self, public, tmp_path):
        spoilt = shutil.copytree(public, tmp_path / "spoilt")
        file = spoilt / FOLDER / "release.json"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace('"hidden_to": 7', '"hidden_to": 2', 1), encoding="utf-8")
        with pytest.raises(DisclosureError, match=r"release\.json was changed"):
            audit_folder(spoilt, as_made=index_as_made(public))

    def test_the_audit_finds_counts_put_back_and_files_put_beside(self, public, tmp_path, capsys):
        spoilt = shutil.copytree(public, tmp_path / "spoilt")
        file = spoilt / FOLDER / "observations.csv"
        rows = pd.read_csv(file, dtype=str, keep_default_na=False)
        rows.loc[rows.index[rows["note"] == "suppressed"][0], ["numerator", "note"]] = ["3", ""]
        rows.to_csv(file, index=False)
        (spoilt / "counts.csv").write_text("area_code,count\nE01004766,4\n")
        assert main(["audit", str(spoilt)]) == 1
        said = capsys.readouterr().err
        assert "shows a count of 3" in said
        assert "counts.csv was not made with the pages" in said

    def test_the_audit_deduces_a_withheld_count_from_a_total_that_was_put_back(
        self, public, tmp_path
    ):
        spoilt = shutil.copytree(public, tmp_path / "spoilt")
        file = spoilt / FOLDER / "observations.csv"
        rows = pd.read_csv(file, dtype=str, keep_default_na=False)
        groups = groups_of(open_study(spoilt / FOLDER))
        own = rows[rows["indicator_id"] == "burglary"]
        for (_, code), total in own[own["area_code"].isin(list(groups))].groupby(
            ["period_start", "area_code"]
        ):
            parts = own[own["area_code"].isin(groups[code])]
            parts = parts[parts["period_start"] == total["period_start"].iloc[0]]
            hidden = parts["note"] == "suppressed"
            if hidden.sum() == 3:
                least = pd.to_numeric(parts["numerator"]).sub(2).sum() + 3
                rows.loc[total.index, "numerator"] = str(5 * int((least - 2) // 5))
                break
        rows.to_csv(file, index=False)
        with pytest.raises(DisclosureError, match="observations: burglary"):
            audit_folder(spoilt)

    def test_pages_say_what_is_withheld_and_what_can_still_be_said(self, public):
        page = next((public / "hall-i-th-wood").glob("*.html")).read_text(encoding="utf-8")
        assert "latest values that are withheld" in page
        assert "counts from 1 to 7 are withheld" in page
        assert MARKING not in page

    def test_effects_are_shares_with_intervals_and_no_path_of_counts(self, public):
        effects = json.loads((public / FOLDER / "effects.json").read_text(encoding="utf-8"))
        assert {one["area_code"] for one in effects} >= {"E01004802", "hall-i-th-wood"}
        for one in effects:
            assert not {"estimate", "counterfactual", "observed", "paths"} & set(one)
        page = next((public / "hall-i-th-wood").glob("*.html")).read_text(encoding="utf-8")
        assert "Estimated on the full counts, which are not published." in page

    def test_internal_pages_are_refused_among_public_ones(self, public, strict, capsys):
        words = ["report", str(strict), "--area", AREAS[0], "--out", str(public)]
        assert main(words) == 2
        assert "holds pages for the audience public" in capsys.readouterr().err

    @pytest.mark.slow
    def test_the_same_counts_are_withheld_again(self, public, strict, tmp_path):
        again = release_study(open_study(strict), tmp_path / "again", "public")
        first = (public / FOLDER / "observations.csv").read_bytes()
        assert (again / "observations.csv").read_bytes() == first
        over = tmp_path / "over"
        shutil.copytree(public / FOLDER, over / FOLDER)
        release_study(open_study(strict), over, "public")
        assert (over / FOLDER / "observations.csv").read_bytes() == first


def test_internal_pages_are_made_with_a_warning_and_marked(public, tmp_path):
    study = write_small_study(tmp_path / "study")
    with pytest.warns(InternalNotice, match="has no rule"):
        batch = run_reports(study, [Entry(["N1"])], out=tmp_path / "out", workers=Workers(1))
    record = batch.records[0]
    page = record.page.read_text(encoding="utf-8")
    assert f'<p class="restricted">{MARKING}</p>' in page
    assert f'@bottom-center {{ content: "{MARKING}"' in page  # of every printed page
    tables = list(record.page.parent.glob("tables/*.csv"))
    assert tables
    for table in tables:
        assert MARKING in table.read_text(encoding="utf-8-sig").splitlines()[0]
    with pytest.raises(DisclosureError, match="holds pages for the audience internal"):
        run_reports(study, [Entry(["N1"])], out=tmp_path / "out", audience="public")
    shutil.copytree(public / FOLDER, tmp_path / "out" / FOLDER)
    with pytest.raises(DisclosureError, match="is marked internal"):
        audit_folder(tmp_path / "out")


def test_a_folder_without_anything_to_audit_is_told(tmp_path):
    with pytest.raises(DisclosureError, match="holds neither"):
        audit_folder(tmp_path)


def test_the_audit_finds_a_lone_withheld_count_in_a_table_with_totals(tmp_path):
    table = pd.DataFrame(
        {"x": ["*", "15", "18"], "y": ["22", "30", "52"], "Total": ["25", "45", "70"]},
        index=pd.Index(["a", "b", "Total"], name="area"),
    )
    table.to_csv(tmp_path / "t.csv")
    with pytest.raises(DisclosureError, match="a, x lies between 3 and 3"):
        audit_folder(tmp_path)


@pytest.mark.slow
def test_the_page_for_residents_is_public_unless_another_audience_is_asked_for(tmp_path):
    words = ["report", "bolton_demo", "--template", "report_public", "--area", AREAS[2]]
    assert main([*words, "--out", str(tmp_path / "public")]) == 0
    assert (tmp_path / "public" / FOLDER).is_dir()
    page = next((tmp_path / "public").glob("*/*.html")).read_text(encoding="utf-8")
    assert MARKING not in page
    assert main([*words, "--audience", "internal", "--out", str(tmp_path / "internal")]) == 0
    page = next((tmp_path / "internal").glob("*/*.html")).read_text(encoding="utf-8")
    assert MARKING in page


@pytest.mark.slow
def test_two_releases_by_command_give_nothing_back_by_subtraction(full, tmp_path, capsys):
    """A withheld count that grows past the limit stays withheld; one that was shown stops the run.

    Else the second release would show what the first withheld, beside the same totals.
    """

    def study(name, change):
        rows = full.read("observations")
        own = rows["indicator_id"] == "influence"
        rows.loc[own] = change(rows[own])
        return with_tables(
            tmp_path / name,
            observations=rows,
            indicators=full.indicators().assign(disclosure_profile="ons_5"),
        )

    def released(path, out):
        words = ["report", str(path), "--area", AREAS[2], "--audience", "public"]
        return main([*words, "--out", str(tmp_path / out)])

    def shown(out):
        rows = open_study(tmp_path / out / FOLDER).read("observations")
        rows = rows[rows["indicator_id"] == "influence"]
        return rows.set_index(["area_code", "period_start"])

    assert released(study("first", lambda rows: rows), "out") == 0
    first = shown("out")
    withheld = first.index[(first["note"] == "suppressed") & ~first.index.duplicated()]
    grown = withheld[withheld.get_level_values(0).str.startswith("E01")][0]

    def more(rows):
        at = (rows["area_code"] == grown[0]) & (rows["period_start"] == grown[1])
        return rows.assign(numerator=rows["numerator"].mask(at, rows["numerator"] + 6))

    second = study("second", more)
    assert released(second, "out") == 0
    assert shown("out").loc[grown, "note"] == "suppressed"
    assert "none can be deduced" in audit_folder(tmp_path / "out")

    seen = first.index[
        first["numerator"].gt(4) & first.index.get_level_values(0).str.startswith("E01")
    ]

    def fewer(rows):
        at = (rows["area_code"] == seen[0][0]) & (rows["period_start"] == seen[0][1])
        return rows.assign(numerator=rows["numerator"].mask(at, 3))

    assert released(study("third", fewer), "out") == 0  # revised, so the old count is not the new
    assert shown("out").loc[seen[0], "note"] == "suppressed"
    capsys.readouterr()


def test_an_effect_from_which_small_counts_could_be_worked_out_is_left_out(public):
    effects = json.loads((public / FOLDER / "effects.json").read_text(encoding="utf-8"))
    left_out = {(one["area_code"], one["indicator_id"]) for one in effects if "withheld" in one}
    assert ("hall-i-th-wood", "influence") in left_out
    assert ("hall-i-th-wood", "antisocial_behaviour") not in left_out
    for one in effects:
        if "withheld" in one:
            assert set(one) == {"area_code", "start", "indicator_id", "level", "withheld"}
    page = (public / "hall-i-th-wood" / "hall-i-th-wood.html").read_text(encoding="utf-8")
    assert "the effect is withheld, because small counts could be worked out from it" in page
