"""An independent recount of what pages say: pandas and SciPy alone, on the study's own files.

Pages are made by the command line, as anybody makes them, for three areas of the demonstration and,
in the slow tests, for 20 areas of it and of the real study. What their HTML shows and their CSV
files hold is read as a reader's program would, and held against `recounted`, in which nothing of
the package takes part.
"""

from __future__ import annotations

import json
import os
import re
from functools import cached_property
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT, forked_by
from every_kind import write_every_kind
from lxml import html
from recounted import Files, Recount, changes, life_expectancy, shares_of_residents, verdicts

from lsp_analysis.cli import main

WORDS = ("worse", "better", "no clear difference", "close to it", "too few to say")
WORDS += ("not comparable", "higher or lower")
NUMBERS = ["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def chosen_areas(files: Files) -> list[str]:
    """Small areas spread over the borough, three MSOAs, and a neighbourhood where there is one."""
    areas = files.read("areas").set_index("area_code")["area_type"]
    larger = sorted(areas.index[areas == "msoa"])[5:35:10]
    larger += sorted(areas.index[areas == "neighbourhood"])[:1]
    return [*files.small[:: len(files.small) // 17 + 1], *larger][-20:]


def make_pages(study: Path, areas: list[str], out: Path, *more: str) -> None:
    assert main(["reports", str(study), "--out", str(out), *more, "--areas", *areas]) == 0


class Page:
    """A finished page as a reader's program sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = html.fromstring((folder / f"{folder.name}.html").read_bytes())

    def said(self, path: str) -> list[str]:
        return [" ".join(found.text_content().split()) for found in self.tree.xpath(path)]

    def section(self, question: str) -> str:
        return f'//*[contains(@class, "finding")][p[@class="question"]="{question}"]'

    def csv(self, question: str) -> pd.DataFrame:
        name = self.tree.xpath(f"{self.section(question)}/@id")[0]
        words = dict.fromkeys(("period", "first_period", "last_period", "when"), str)
        return pd.read_csv(self.folder / "tables" / f"{name}.csv", dtype=words)

    def rows(self, inside: str) -> list[dict[str, str]]:
        """Rows of a table of measures as they are shown."""
        found = []
        for row in self.tree.xpath(f'{inside}//table[@class="measures"]//tr[td]'):
            head, here, rest, _, stand = row
            unit = head.xpath(".//summary | .//small")[0].text_content()
            told = head.xpath("./details")
            small = stand.xpath("./small")
            place = small[0].text_content() if small else ""
            total = row.xpath("ancestor::table/thead//th")[-1].text_content()
            if re.search("(high|low)est$", place):
                place += f" of {re.search('of ([0-9,]+) areas', total)[1]}"
            found.append({
                "name": head.text.strip(), "unit": unit, "here": here.text_content(),
                "rest": rest.text_content(), "word": stand.xpath("./b")[0].text_content(),
                "rank": place,
                "about": told[0].text_content() if told else "",
            })  # fmt: skip
        return found

    def arrows(self) -> dict[str, str]:
        names = self.said(f'{self.section("Is the gap narrowing?")}//*[@class="name"]')
        values = self.said(f'{self.section("Is the gap narrowing?")}//*[@class="value"]')
        return dict(zip(names, values, strict=True))


class Expected:
    """All that a page should say of an area."""

    def __init__(self, files: Files, recounts: dict[str, Recount], code: str) -> None:
        self.files, self.code, self.recounts = files, code, recounts
        self.own = files.members(code)
        self.rest = files.rest(self.own)
        self.rows = {name: one.row(self.own, self.rest) for name, one in recounts.items()}
        self.settled = verdicts(self.rows, recounts)

    @cached_property
    def changed(self) -> dict[str, dict]:
        return changes(self.recounts, self.own)

    def counts(self) -> dict[str, int]:
        said = pd.Series([word for _, word in self.settled.values()])
        said = said.replace({"higher": "higher or lower", "lower": "higher or lower"})
        return said.value_counts().to_dict()

    def shown(self, name: str) -> dict[str, str]:
        """A row of the page's tables, word for word."""
        one, row = self.recounts[name], self.rows[name]
        unit = one.per
        if unit == "percent":
            unit = f"% of {one.base}" if one.base else "%"
        if one.by_ages:
            unit = f"age-standardised, {unit}"
        worst, of = row["rank"], row["of"]
        ends = ("lowest", "highest")[:: 1 if one.polarity == "high_is_good" else -1]
        near = worst <= (of + 1) / 2
        place = worst if near else of - worst + 1
        ordinal = "" if place == 1 else f"{place}{suffix(place)} "
        return {
            "name": one.name, "unit": f"{unit}, {one.when(row['years'])}",
            "here": amount(row["here"]["value"], one.unit),
            "rest": amount(row["there"]["value"], one.unit),
            "word": self.settled[name][1].capitalize(),
            "rank": f"{ordinal}{ends[not near]} of {of}",
        }  # fmt: skip

    def arrow(self, name: str, gap: dict) -> str:
        one = self.recounts[name]
        side = -1 if one.polarity == "high_is_good" else 1
        ends = [side * end for end in gap["gaps"]]
        digits = 0 if max(map(abs, ends)) >= 9.95 else 1
        unit = {"percent": "points"}.get(one.unit, "")
        if one.unit.startswith("per_"):
            unit = f"per {one.multiplier:,.0f} a {one.unit_period}"
        told = [f"{'+' if round(end, digits) > 0 else ''}{minus(end, digits)}" for end in ends]
        clear = gap["direction"] != "no clear change"
        return f"{' → '.join(told) if clear else told[1]} {unit}".strip()


def suffix(n: int) -> str:
    return "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")


def minus(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "−")


def amount(value: float, unit: str) -> str:
    if unit == "percent":
        return f"{minus(value, 1)}%"
    return minus(value, 0 if abs(value) >= 9.95 else 1)


def same(found, wanted, about, **room):
    assert found == pytest.approx(wanted, nan_ok=True, **{"rel": 1e-5, **room}), about


class Pages:
    """The pages of a study's 20 areas, or one in `every` few, with what they should say."""

    def __init__(self, study: Path, out: Path, every: int, few: bool) -> None:
        """`few`: measures are too few for every kind of row to appear."""
        self.study, self.files, self.out = study, Files(study), out
        self.every, self.few = every, few
        self.areas = chosen_areas(self.files)[::-every]
        if not out.exists():
            make_pages(study, self.areas, out)
        records = map(json.loads, (out / "manifest.jsonl").read_text("utf-8").splitlines())
        self.folders = {one["area_code"]: out / one["name"] for one in records if "name" in one}
        ids = self.files.indicators.index
        self.recounts = {name: Recount(self.files, name) for name in ids}
        self.names = {one.name: name for name, one in self.recounts.items()}

    def each(self):
        assert sorted(self.folders) == sorted(self.areas)
        for code in self.areas:
            yield Page(self.folders[code]), self.expected(code)

    def expected(self, code: str) -> Expected:
        if code not in self._expected:
            self._expected[code] = Expected(self.files, self.recounts, code)
        return self._expected[code]

    @cached_property
    def _expected(self) -> dict[str, Expected]:
        return {}


@pytest.fixture(scope="session")
def every_kind(tmp_path_factory) -> Path:
    """A written study with an indicator of every kind."""
    from filelock import FileLock

    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    with FileLock(root / "every-kind.lock"):
        out = root / "every-kind"
        return out if out.exists() else write_every_kind(out)


STUDIES = {"demo": 7, "every kind": 5, "all of demo": 1, "real": 1, "another borough": 5}
QUICK = ("demo", "every kind")


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in STUDIES
    ],
)
def pages(request, tmp_path_factory, one_parent) -> Pages:
    """Made once, by whichever worker comes first."""
    from filelock import FileLock

    root = tmp_path_factory.getbasetemp()
    root = root.parent if hasattr(request.config, "workerinput") else root
    study = ROOT / "data" / "bolton_demo"
    fixture = {"real": "real_small", "another borough": "real_bury", "every kind": "every_kind"}
    if request.param in fixture:
        study = request.getfixturevalue(fixture[request.param])
    with FileLock(root / f"pages-{request.param}.lock"), forked_by(one_parent):
        out = root / f"pages-{request.param.replace(' ', '-')}"
        few = request.param in ("another borough", "every kind")
        return Pages(study, out, STUDIES[request.param], few)


def test_the_csv_has_every_value_interval_rank_change_and_verdict_recounted(pages):
    for page, told in pages.each():
        table = page.csv("Where are we at?").set_index("indicator_id")
        assert list(table.index) == list(pages.recounts)
        for name, row in told.rows.items():
            one, said, about = pages.recounts[name], table.loc[name], f"{name} in {told.code}"
            p_adjusted, word = told.settled[name]
            assert said["verdict"] == word, about
            assert list(said[["definition", "source"]].fillna("")) == one.about, about
            assert said["trend"] == (one.trend(told.own) if one.years(told.own) else ""), about
            assert (said["unit"], said["when"]) == (one.per, one.when(row["years"])), about
            same(said["comparator_value"], row["there"]["value"], about)
            if row.get("why") != "few":
                here = row["here"]
                same(said["value"], here["value"], about)
                assert (said["rank"], said["of"]) == (row["rank"], row["of"]), about
                gap = here["value"] - row["there"]["value"] if one.unit != "count" else float("nan")
                same(said["difference"], gap, about, abs=1e-9)
                if "low" in here:
                    same([said["low"], said["high"]], [here["low"], here["high"]], about, abs=1e-9)
            if "why" in row:
                assert pd.isna(said[["p_value", "p_adjusted", "difference_low"]]).all(), about
                assert said["reason"], about
                continue
            same([said["p_value"], said["p_adjusted"]], [row["p"], p_adjusted], about, abs=1e-12)
            limits = [row["difference"][end] for end in ("low", "high")]
            given = [said["difference_low"], said["difference_high"]]
            same(given, limits, about, abs=1e-6 * one.multiplier)
            change = told.changed[name]
            assert said["change_verdict"] == change["verdict"], about
            if "change" in change:
                same(said["change"], change["change"], about, abs=1e-9)


def test_every_row_shown_is_the_recounted_one_word_for_word(pages):
    seen = set()
    for page, told in pages.each():
        below = page.rows(page.section("Where are we at?"))
        left = {name for name, (_, word) in told.settled.items() if word not in WORDS[4:6]}
        assert {pages.names[row["name"]] for row in below} == left
        for row in [*page.rows('//*[@class="screen"]'), *below]:
            name = pages.names[row["name"]]
            shown = told.shown(name)
            assert {key: row[key] for key in shown} == shown, told.code
            assert pages.recounts[name].about[0] in row["about"], told.code
            seen.add(row["word"])
    assert len(seen) > 2 or pages.few


def test_counts_of_verdicts_are_one_in_headline_tally_and_index(pages):
    index = html.fromstring((pages.out / "index.html").read_bytes())
    for page, told in pages.each():
        counts = told.counts()
        tally = [re.match(r"(\d+) (.+)", said) for said in page.said('//*[@class="tally"][1]/li')]
        assert {found[2]: int(found[1]) for found in tally} == counts, told.code
        row = index.xpath(f'//tr[@id="{told.code}"]')[0]
        attributes = {"worse": "worse", "better": "better", "no clear difference": "none",
                      "too few to say": "few", "not comparable": "not"}  # fmt: skip
        for word, key in attributes.items():
            assert int(row.get(f"data-{key}", 0)) == counts.get(word, 0), told.code
        line = page.said('//*[@class="verdict-line"]')[0]
        few, judged = counts.get("worse", 0), len(told.rows) - counts.get("not comparable", 0)
        if few and judged > 1:
            number = re.escape(NUMBERS[few] if few < 10 else str(few))
            assert re.match(rf"Worse than the rest of \w+ on {number} of ", line), told.code
        else:
            assert few == (line.startswith("Worse")), told.code


def test_gaps_and_their_change_are_recounted_in_chart_and_csv(pages):
    drawn = 0
    for page, told in pages.each():
        if not page.tree.xpath(page.section("Is the gap narrowing?")):
            continue
        arrows = page.arrows()
        for _, said in page.csv("Is the gap narrowing?").iterrows():
            name = pages.names[said["name"]]
            gap, about = pages.recounts[name].gap(told.own, told.rest), f"{name} in {told.code}"
            assert [said["first_period"], said["last_period"]] == gap["words"], about
            same([said["gap_start"], said["gap_end"]], gap["gaps"], about, abs=1e-9)
            scale = pages.recounts[name].multiplier
            limits = [gap["change"], gap["low"], gap["high"]]
            given = [said[part] for part in ("change", "change_low", "change_high")]
            same(given, limits, about, abs=1e-5 * scale, rel=1e-4)
            assert said["direction"] == gap["direction"], about
            assert (about, arrows[said["name"]]) == (about, told.arrow(name, gap))
            drawn += 1
    # Without burglaries there is one gap, and no chart.
    assert drawn > 20 // pages.every or pages.few


def test_the_measure_to_watch_is_recounted_year_by_year(pages):
    checked = 0
    for page, told in pages.each():
        watch = page.section("The measure to watch")
        if not page.tree.xpath(watch):
            continue
        title = page.said(f"{watch}//h2")[0]
        name = max((n for n in pages.names if title.startswith(n)), key=len)
        one = pages.recounts[pages.names[name]]
        windows = {one.when(window, plain=True): window for window in one.years(told.own)}
        for _, said in page.csv("The measure to watch").iterrows():
            if pd.isna(said["here"]):
                continue
            window = windows[said["period"]]
            about = f"{name} in {told.code}, {said['period']}"
            same(said["here"], one.side(told.own, window)["value"], about)
            same(said["rest"], one.side(told.rest, window)["value"], about)
            checked += 1
    assert checked > 20 // pages.every


def test_residents_and_the_place_in_deprivation_are_those_of_the_tables(pages):
    people = pages.files.read("populations")
    sexes = set(people["sex"]) if "sex" in people else set()
    people = people[people["sex"] == "all"] if "all" in sexes else people
    people = people[people["age_band"] == "all"] if "all" in set(people["age_band"]) else people
    ranked = pages.files.read("deprivation") if "deprivation" in pages.files.paths else None
    for page, told in pages.each():
        facts = page.said('//*[@class="facts"]')[0]
        mine = people[people["area_code"].isin(told.own)]
        last = mine["period"].max()
        total = mine.loc[mine["period"] == last, "population"].sum()
        assert facts.startswith(f"{total:,.0f} residents ({last})."), told.code
        found = re.search(
            r"(\w+) most deprived of \S+ ([\d,]+) small areas \(Indices of (\d+)\)", facts
        )
        if len(told.own) > 1 or ranked is None:
            assert not found
            continue
        table = ranked[ranked["area_code"].isin(pages.files.small)]
        ranks = table[table["edition"] == int(found[3])].set_index("area_code")["rank"]
        place = int((ranks < ranks[told.own[0]]).sum()) + 1
        assert re.match(rf"{place}\D" if place > 1 else "Most", found[1] or "Most"), told.code
        assert int(found[2]) == len(ranks)


def test_ages_of_residents_and_life_expectancy_are_recounted(pages):
    people = pages.files.read("populations")
    deaths = pages.recounts.get("deaths")
    seen = 0
    for page, told in pages.each():
        if page.tree.xpath(page.section("Who lives here?")):
            wanted = pd.DataFrame({
                name: shares_of_residents(people[people["area_code"].isin(codes)])
                for name, codes in (("share", told.own), ("comparator_share", told.rest))
            })  # fmt: skip
            drawn = page.csv("Who lives here?")
            drawn = drawn.assign(sex=drawn["sex"].str.lower()).set_index(["age_band", "sex"])
            for name in wanted:
                same(drawn[name].sort_index().to_numpy(), wanted[name].sort_index(), told.code)
        said = re.search(
            r"Life expectancy at birth at the death rates of (\d+) to (\d+): "
            r"([\d.]+) years in .*? \(95% interval "
            r"([\d.]+) to ([\d.]+)\), ([\d.]+) in the rest",
            page.tree.text_content(),
        )
        assert bool(said) == bool(deaths and deaths.ages), told.code
        if said:
            years = range(int(said[1]), int(said[2]) + 1)
            here, rest = (
                life_expectancy(*(sum(part[c, y] for c in codes for y in years)
                                  for part in deaths.ages))
                for codes in (told.own, told.rest)
            )  # fmt: skip
            assert [f"{x:.1f}" for x in (*here, rest[0])] == list(said.groups())[2:], told.code
            seen += 1
    assert seen > 15 // pages.every or not deaths


def test_the_pilot_as_printed_is_the_estimate_asked_for_afresh_and_its_counts_are_the_files(pages):
    from lsp_analysis import estimate, open_study

    study, seen = open_study(pages.study), 0
    for page, told in pages.each():
        watch = page.section("Did the pilot work?")
        if not page.tree.xpath(watch):
            continue
        row = pages.files.read("interventions").set_index("area_code").loc[told.code]
        one, start = pages.recounts[row["primary_outcome"]], str(row["start"])[:7]
        found = estimate(study.question(one.id, told.code, start=start))
        size = [f"{abs(100 * x):.0f}%" for x in (found.relative, found.relative_high,
                                                found.relative_low)]  # fmt: skip
        box = " ".join(
            page.said('//section[contains(@class, "box")][contains(., "Did the pilot work?")]')
        )
        assert f"{size[0]} fewer" in box, box
        assert f"{size[1]} to {size[2]} fewer" in box, box
        path = page.csv("Did the pilot work?").set_index("period")
        rows = pages.files.observations
        rows = rows[(rows["indicator_id"] == one.id) & rows["area_code"].isin(told.own)]
        rows = rows.assign(period=rows["period_start"].dt.strftime("%Y-%m"))
        rows = rows.groupby("period")[["numerator", "denominator"]].sum()
        rates = rows["numerator"] / rows["denominator"] * one.multiplier * 12
        same(path["treated"].to_numpy(), rates.loc[path.index].to_numpy(), told.code)
        after = path[path.index >= start]
        ratio = after["treated"].sum() / after["comparison"].sum() - 1
        assert ratio == pytest.approx(found.relative, abs=0.005)
        assert f"{path['treated'].iloc[-12:].mean():.0f} here" in page.said(watch)[0]
        assert f"{path['comparison'].iloc[-12:].mean():.0f} expected" in page.said(watch)[0]
        seen += 1
    assert seen == ("interventions" in pages.files.paths)


@pytest.mark.slow
@pytest.mark.usefixtures("kept_parent")
def test_public_pages_give_the_numbers_of_the_released_counts_or_none(tmp_path):
    """A count is shown as its rule has it, whole or rounded, or withheld; never another."""
    demo = ROOT / "data" / "bolton_demo"
    areas = ["E01004802", "E02000990"]
    more = ["--audience", "public", "--template", "report_public"]
    make_pages(demo, areas, tmp_path / "out", *more)
    files = Files(demo)
    rule = files.indicators["disclosure_profile"]
    full = {name: Recount(files, name) for name in files.indicators.index}
    equal, rounded, withheld = 0, 0, 0
    for record in map(json.loads, (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()):
        if "name" not in record:
            continue
        page = Page(tmp_path / "out" / record["name"])
        own = files.members(record["area_code"])
        for name, said in page.csv("Where are we at?").set_index("indicator_id").iterrows():
            about = f"{name} in {record['area_code']}"
            if pd.isna(said["value"]):
                withheld += 1
                continue
            year = 2012 if "/" in said["when"] else int(said["when"][-4:])
            before, scale = full[name].group(own, year), full[name].multiplier
            if rule[name] == "nhs":
                assert "rounded to the nearest 5" in said["definition"]
                shown = said["value"] / scale * before["t"]
                assert abs(shown - before["x"]) <= 2.5 * len(own), about
                rounded += 1
            else:
                same(said["value"], before["value"], about)
                equal += 1
    assert min(equal, rounded, withheld) > 1
