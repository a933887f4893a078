"""Open doors of the record of an experiment: draws, files and pages that somebody changed."""

import json
import random
import runpy
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from small_experiment import (
    FEW,
    NO_MODELS,
    TEXT,
    at,
    changed,
    drawn,
    outcomes_of,
    registered,
)
from test_analyse import WEDGE

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments import commands
from lsp_analysis.experiments.analysis.opening import analyse
from lsp_analysis.experiments.draw.methods import spaced_units
from lsp_analysis.experiments.papers.protocol import write_protocol
from lsp_analysis.experiments.papers.result import write_result
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.folder import open_experiment
from lsp_analysis.experiments.record.registration import draw_allocation, register_design
from lsp_analysis.experiments.record.verification import verify

# A draw nobody can steer


def test_the_design_cannot_change_once_the_text_can_be_known(tmp_path):
    folder = registered(tmp_path / "x")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    file = folder / "design.toml"
    file.write_bytes(before["design.toml"].replace(b"# The design", b"# Another comment"))
    edited = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(DesignError, match="cannot change before the draw"):
        register_design(folder, note="Comments.", now=at(2010, 2, 14))
    assert edited == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_draw_answers_the_head_that_was_handed_over(tmp_path):
    # With a day to come, an amendment before that day is fair, and the head moves with it.
    day = ('source_date = ""', 'source_date = "2010-02-13"')
    folder = registered(tmp_path / "x", day)
    handed_over = open_experiment(folder).head
    file = folder / "design.toml"
    file.write_bytes(file.read_bytes().replace(b"# The design", b"# Another comment"))
    register_design(folder, note="Comments.", now=at(2010, 2, 2))
    with pytest.raises(DesignError, match="Draw when it is known"):
        draw_allocation(folder, text=TEXT, now=at(2010, 2, 12))
    draw_allocation(folder, text=TEXT, now=at(2010, 2, 13))
    assert verify(folder).holds
    found = verify(folder, head=handed_over)
    assert "does not answer the head handed over" in found.sentence()
    with pytest.raises(DesignError, match="not after today"):
        registered(tmp_path / "late", ('source_date = ""', 'source_date = "2010-02-01"'))


def test_looks_are_planned_before_they_can_be_taken(tmp_path):
    looks = '[looks]\ndates = ["2010-01-31", "2011-04-30"]\nboundary = "pocock"\n[stopping]'
    with pytest.raises(DesignError, match="Looks are planned before"):
        registered(tmp_path / "x", ("[stopping]", looks))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A drawn, analysed and published experiment."""
    folder = drawn(tmp_path_factory.mktemp("finished") / "x", FEW)
    result = analyse(folder, outcomes_of(folder), now=at(2011, 5, 1))
    write_result(result, folder, now=at(2011, 5, 1))
    assert verify(folder).holds
    return folder


@pytest.mark.parametrize("name", ["outcomes.csv", "result.html", "result.csv", "data.csv"])
def test_an_edit_after_the_analysis_is_found(finished, tmp_path, name):
    folder = shutil.copytree(finished, tmp_path / "copy")
    file = folder / name
    file.write_bytes(file.read_bytes().replace(b"1", b"2", 1))
    found = verify(folder)
    assert not found.holds
    assert f"{name} was altered" in found.sentence()


def test_outcomes_that_do_not_fit_leave_every_file_as_it_was(tmp_path):
    folder = drawn(tmp_path / "x")
    file = outcomes_of(folder)
    file.write_text(file.read_text().replace("area-03", "area-99"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(DesignError, match="first area-99"):
        analyse(folder, file, now=at(2011, 5, 1))
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_analysis_is_counted_and_shown(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "copy")
    result = analyse(folder, outcomes_of(folder, "better.csv", seed=5), now=at(2011, 5, 2))
    assert "analysed twice, with different files" in result.sentence()
    assert "two analyses on record, of two outcomes files" in verify(folder).sentence()


def mutations(line, rng):
    """A register line with a byte, value, type or depth changed."""
    facts = json.loads(line)
    facts[rng.choice(list(facts))] = rng.choice(
        [None, [], {}, -1, "x" * 70, 10**40, [[[[[]]]]], {"a": {"b": []}}, "banana", True]
    )
    place = rng.randrange(len(line))
    byte = line[:place] + bytes([rng.randrange(256)]) + line[place + 1 :]
    deep = b'{"a":' * 3_000 + b"1" + b"}" * 3_000
    return rng.choice([json.dumps(facts).encode(), byte, deep, line[:place], b"[]", b"7" * 6_000])


def test_a_damaged_register_is_named_and_never_a_traceback(finished, tmp_path):
    folder, rng = shutil.copytree(finished, tmp_path / "copy"), random.Random(1)
    whole = (folder / "register.jsonl").read_bytes().splitlines()
    survived = 0
    for _ in range(80):
        lines = list(whole)
        number = rng.randrange(len(lines))
        lines[number] = mutations(lines[number], rng)
        (folder / "register.jsonl").write_bytes(b"\n".join(lines) + b"\n")
        if lines == whole:
            continue
        found = verify(folder, recompute=False)
        survived += not found.holds
        assert not found.holds, lines[number][:200]
    assert survived > 60


def test_a_draw_written_anew_without_its_list_of_allocations_is_found(tmp_path):
    folder = drawn(tmp_path / "x", *METHODS["constrained"])
    assert verify(folder).holds
    first, allocated = chain.read_register(folder)
    (folder / chain.FILE).unlink()
    chain.append(folder, first.kind, first.content, now=at(2010, 2, 1))
    told = {name: value for name, value in allocated.content.items() if name != "acceptable"}
    chain.append(folder, allocated.kind, told, now=at(2010, 2, 15))
    assert "not the one that the registration" in verify(folder).sentence()


# A draw checked without this package


METHODS = {
    "blocked": (),
    "block of four": (('strata = ["district"]', 'strata = ["district"]\nblock_size = 4'),),
    "simple": (('method = "blocked"', 'method = "simple"'), ('strata = ["district"]\n', "")),
    "uneven": (('role = "control"', 'role = "control"\nshare = 2'),),
    "wedge": WEDGE,
    "constrained": (
        ('method = "blocked"', 'method = "constrained"\ncovariates = ["rate_before", "residents"]'),
    ),
    "constrained of one block": (
        ('method = "blocked"', 'method = "constrained"\ncovariates = ["rate_before"]'),
        ('strata = ["district"]', ""),
    ),
    "constrained of a sample": (
        ('method = "blocked"', 'method = "constrained"\ncovariates = ["rate_before"]'),
        ('strata = ["district"]', "candidates = 300"),
    ),
}


@pytest.mark.parametrize("method", METHODS)
def test_the_standard_library_alone_draws_the_same(tmp_path, method):
    folder = drawn(tmp_path / "x", *METHODS[method])
    script = ROOT / "docs" / "verify_draw.py"
    done = subprocess.run(
        [sys.executable, "-I", "-S", script, folder, open_experiment(folder).head],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the allocation follows from head and text" in done.stdout
    file = folder / "allocation.csv"
    file.write_bytes(file.read_bytes().replace(b"area-03,0", b"area-03,1"))
    again = subprocess.run([sys.executable, script, folder], capture_output=True, check=False)
    assert again.returncode == 1


@pytest.mark.parametrize(
    "method",
    [
        "blocked",
        "wedge",
        *(pytest.param(method, marks=pytest.mark.slow) for method in ("complete", "people")),
    ],
)
def test_an_outsider_works_draw_estimate_and_p_out_again(tmp_path, method):
    # From the protocol, data.csv with its codebook and docs/verify_draw.py, without this package.
    complete = (('method = "blocked"', 'method = "complete"'), ('strata = ["district"]', ""))
    nine = ((WEDGE[0][0], changed(WEDGE[0][1], ("4, 4, 4", "3, 3, 3"))), *WEDGE[1:])
    swaps = {"blocked": (), "complete": complete, "wedge": nine}
    swaps["people"] = (*complete, ('summary = "clusters"', 'summary = "people"'))
    folder = tmp_path / "x"
    commands.new(str(folder))
    units = pd.read_csv(folder / "units.csv")
    if method in ("complete", "people"):  # too many allocations to list
        more = units.assign(unit=units["unit"] + "-b", rate_before=units["rate_before"] * 1.1)
        units = pd.concat([units, more])
    if method == "wedge":
        units = units.iloc[:9]
    units.to_csv(folder / "units.csv", index=False)
    file = folder / "design.toml"
    file.write_text(changed(file.read_text(), *swaps[method], FEW, NO_MODELS))
    register_design(folder, now=at(2010, 2, 1))
    draw_allocation(folder, text=TEXT, now=at(2010, 2, 15))
    rows = pd.read_csv(outcomes_of(folder))
    if method == "wedge":
        rows = pd.concat(
            [
                rows.assign(period=q, incidents=rows["incidents"] + n)
                for n, q in enumerate(["q1", "q2", "q3", "q4"])
            ]
        )
    rows["incidents"] = rows["incidents"].astype("Int64")
    rows.iloc[5, rows.columns.get_loc("incidents")] = pd.NA
    rows.to_csv(folder / "outcomes.csv", index=False)
    result = analyse(folder, folder / "outcomes.csv", now=at(2011, 5, 1))
    write_result(result, folder, now=at(2011, 5, 1))
    write_protocol(open_experiment(folder), folder / "protocol.html")
    for name in ("register.jsonl", "allocation.csv", "units.csv", "design.toml", "outcomes.csv"):
        (folder / name).unlink()
    words = [ROOT / "tests" / "outsider.py", folder, ROOT / "docs" / "verify_draw.py"]
    done = subprocess.run(
        [sys.executable, "-P", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told, numbers = json.loads(done.stdout), pd.read_csv(folder / "result.csv").iloc[0]
    assert told["drawn"]
    assert told["estimate"] == pytest.approx(numbers["estimate"])
    assert told["p_value"] == pytest.approx(numbers["p_value"], abs=1e-8)
    assert set(pd.read_csv(folder / "codebook.csv")["column"]) == set(
        pd.read_csv(folder / "data.csv")
    )


def test_the_standard_library_draws_clusters_of_people_the_same(tmp_path):
    how = 'method = "constrained"\ncluster = "school"\ncovariates = ["rate_before"]'
    folder = tmp_path / "x"
    commands.new(str(folder))
    rng = np.random.default_rng(0)
    people = pd.DataFrame({"unit": [f"p{i:03d}" for i in range(90)]})
    people["school"] = rng.permutation(np.arange(90) % 12)
    people["school"] = "school " + people["school"].astype(str)
    people = people.assign(rate_before=rng.normal(60, 9, 90).round(3), residents=1)
    people.loc[3, "rate_before"] = np.nan
    people.to_csv(folder / "units.csv", index=False)
    file = folder / "design.toml"
    file.write_text(
        changed(file.read_text(), ('method = "blocked"', how), ('strata = ["district"]', ""))
    )
    register_design(folder, now=at(2010, 2, 1))
    draw_allocation(folder, text=TEXT, now=at(2010, 2, 15))
    script = ROOT / "docs" / "verify_draw.py"
    done = subprocess.run([sys.executable, "-I", script, folder], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# The list of units


def test_a_buffer_leaves_no_neighbours_and_as_many_units_as_can_be():
    units = pd.DataFrame({"unit": list("abcdefg")})
    pairs = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "f"), ("f", "g")]
    kept = spaced_units(units, pairs)
    assert units.loc[kept, "unit"].tolist() == ["a", "c", "e", "g"]


def test_pairs_and_buffer_by_command(tmp_path):
    folder = tmp_path / "x"
    commands.new(str(folder))
    (folder / "neighbours.csv").write_text("unit,neighbour\narea-01,area-02\narea-02,area-03\n")
    file = folder / "design.toml"
    file.write_text(
        changed(
            file.read_text(),
            ('units = "units.csv"', 'units = "units.csv"\nneighbours = "neighbours.csv"'),
        )
    )
    with pytest.raises(DesignError, match="design buffer"):
        register_design(folder)
    assert "11 units stay" in commands.buffer(str(folder))
    with pytest.raises(DesignError, match="cannot be paired off"):
        commands.pair(str(folder), on="rate_before")
    rows = (folder / "units.csv").read_text().splitlines()
    (folder / "units.csv").write_text("\n".join(rows[:-1]) + "\n")
    assert "Five pairs" in commands.pair(str(folder), on="rate_before,residents")
    assert pd.read_csv(folder / "units.csv")["pair"].value_counts().eq(2).all()


def test_the_script_has_no_import_but_of_the_standard_library():
    names = runpy.run_path(str(ROOT / "docs" / "verify_draw.py"))
    assert "main" in names


# Damaged files


TOKENS = [
    b"",
    b"\0",
    b"nan",
    b"1e400",
    b"9" * 5_000,
    b"[" * 3_000,
    b'"""',
    b"\xff\xfe",
    b",",
    b"\n",
]
FILES = {
    "design.toml": lambda folder: verify(folder, recompute=False),
    "allocation.csv": lambda folder: verify(folder, recompute=False),
    "units.csv": lambda folder: verify(folder, recompute=False),
    "outcomes.csv": lambda folder: analyse(folder, folder / "outcomes.csv", now=at(2011, 5, 3)),
}


@pytest.mark.parametrize("times", [10, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_a_sentence_and_changes_nothing_else(finished, tmp_path, name, times):
    folder, rng = shutil.copytree(finished, tmp_path / "copy"), random.Random(2)
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    for _ in range(times):
        damaged = bytearray(whole[name])
        place = rng.randrange(len(damaged))
        damaged[place : place + rng.choice([0, 1, 9])] = rng.choice(TOKENS)
        (folder / name).write_bytes(bytes(damaged))
        try:
            FILES[name](folder)
        except DesignError:
            now = {path.name: path.read_bytes() for path in folder.iterdir()}
            assert now == whole | {name: bytes(damaged)}
        for path, content in whole.items():
            (folder / path).write_bytes(content)
