"""Units as they stand in their file: names, numbers, clusters, and what is refused."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from small_experiment import TEXT, at, design, drawn, registered

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.protocol.design import Tidier
from lsp_analysis.experiments.protocol.reading import example, new_experiment
from lsp_analysis.experiments.protocol.unit_list import read_typed, read_units
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.folder import open_experiment
from lsp_analysis.experiments.record.registration import draw_allocation, register_design

UNITS = example("units.csv")


def units_of(folder, text, *swaps):
    file = folder / "units.csv"
    file.write_text(text, encoding="utf-8", newline="\n")
    return read_units(file, design(*swaps))


def test_names_stay_names_whatever_they_look_like(tmp_path):
    text = UNITS.replace("area-01", "007").replace("area-02", "NA").replace("area-03", "null")
    assert units_of(tmp_path, text)["unit"].tolist()[:3] == ["007", "NA", "null"]


def test_an_arm_may_be_called_none(tmp_path):
    folder = drawn(tmp_path / "x", ('name = "usual"', 'name = "None"'))
    assert set(open_experiment(folder).allocation["arm"]) == {"None", "wardens"}


def test_numbers_are_read_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(0)
    written = [repr(float(x)) for x in rng.normal(size=12)]
    rows = [f"area-{i},{'north' if i < 6 else 'south'},{x},1500" for i, x in enumerate(written)]
    read = units_of(tmp_path, "unit,district,rate_before,residents\n" + "\n".join(rows) + "\n")
    assert [repr(x) for x in read["rate_before"]] == written


def test_publishers_marks_for_missing_are_missing(tmp_path):
    read = units_of(tmp_path, UNITS.replace("61.2", "n/a").replace("55.0", ""))
    assert read["rate_before"].isna().sum() == 2


def test_a_word_among_numbers_is_named_with_its_row(tmp_path):
    with pytest.raises(DesignError, match=r'row 3, column rate_before: "fifty-five" is no number'):
        units_of(tmp_path, UNITS.replace("55.0", "fifty-five"))
    with pytest.raises(DesignError, match='"1e308" is no number'):  # its square is none
        units_of(tmp_path, UNITS.replace("55.0", "1e308"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        (UNITS.splitlines()[0] + "\n", "has no rows"),
        (UNITS.replace("area-02", "area-01"), "once: 1 names are repeated"),
        (UNITS.replace("area-02", ""), "must have a name each"),
        (UNITS.replace("district", "distrikt"), 'no column district.*Did you mean "distrikt"'),
        (UNITS.encode("utf-16").decode("latin-1"), "cannot be read|has no column"),
    ],
)
def test_units_that_cannot_be_randomised_are_refused(tmp_path, text, said):
    with pytest.raises(DesignError, match=said):
        units_of(tmp_path, text)


def test_a_design_with_one_possible_allocation_is_not_registered(tmp_path):
    new_experiment(tmp_path / "x")
    file = tmp_path / "x" / "units.csv"
    file.write_text(re.sub(r"(area-\d+),\w+", r"\1,\1", UNITS), encoding="utf-8")
    with pytest.raises(DesignError, match="Only one allocation is possible"):
        register_design(tmp_path / "x")


def test_adjusting_for_more_than_there_are_units_is_refused_before_the_data(tmp_path):
    new_experiment(tmp_path / "x")
    folder = tmp_path / "x"
    units = pd.read_csv(folder / "units.csv")
    extra = [f"c{i}" for i in range(9)]
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 9)), columns=extra)
    units.join(table).to_csv(folder / "units.csv", index=False)
    text = (folder / "design.toml").read_text(encoding="utf-8")
    text = text.replace('covariates = ["rate_before"]', f"covariates = {extra}".replace("'", '"'))
    (folder / "design.toml").write_text(text, encoding="utf-8")
    with pytest.raises(DesignError, match="nothing would be left to compare"):
        register_design(folder)
    assert not (folder / "register.jsonl").exists()
    assert not (folder / "register.jsonl.lock").exists()


def test_people_become_clusters_by_exact_means(tmp_path):
    rows = [f"p{i},school-{i % 4},{'north' if i % 4 < 2 else 'south'},{i / 7}" for i in range(40)]
    text = "unit,school,district,rate_before\n" + "\n".join(rows) + "\n"
    read = units_of(tmp_path, text, ('unit = "unit"', 'unit = "unit"\ncluster = "school"'))
    assert read["people"].tolist() == [10] * 4
    assert read["rate_before"][0] == pytest.approx(np.mean([i / 7 for i in range(0, 40, 4)]))


def test_a_stratum_that_differs_within_a_cluster_is_refused(tmp_path):
    rows = [f"p{i},school-{i % 4},{'north' if i < 20 else 'south'},{i / 7}" for i in range(40)]
    text = "unit,school,district,rate_before\n" + "\n".join(rows) + "\n"
    with pytest.raises(DesignError, match="district differs within a cluster"):
        units_of(tmp_path, text, ('unit = "unit"', 'unit = "unit"\ncluster = "school"'))


def test_a_column_of_words_stays_words(tmp_path):
    (tmp_path / "x.csv").write_text("unit,kind,n\na,1b,1\nb,2,2.5\n", encoding="utf-8")
    read = read_typed(tmp_path / "x.csv", names={"unit"}, numbers={"n"})
    assert read["kind"].tolist() == ["1b", "2"]
    assert read["n"].tolist() == [1.0, 2.5]


def test_of_two_who_draw_at_once_one_is_refused(tmp_path, monkeypatch):
    folder = registered(tmp_path / "x")
    monkeypatch.setattr(chain, "PATIENCE", 0.05)
    with chain.alone(folder), pytest.raises(DesignError, match="has been writing"):
        draw_allocation(folder, text=TEXT, now=at(2010, 2, 15))
    assert not (folder / "allocation.csv").exists()


def test_three_arms_of_three_can_never_find_anything_and_say_so(tmp_path):
    arm = (
        "[outcome]   ",
        '[[arms]]\nname = "letters"\nlabel = "Letters"\nrole = "active"\n[arms.tidier]\n'
        + "\n".join(f'{item.name} = "x"' for item in dataclasses.fields(Tidier))
        + "\n\n[outcome]   ",
    )
    complete = (('method = "blocked"', 'method = "complete"'), ('strata = ["district"]\n', ""))
    new_experiment(tmp_path / "x")
    (tmp_path / "x" / "units.csv").write_text("\n".join(UNITS.splitlines()[:10]) + "\n")
    text = (tmp_path / "x" / "design.toml").read_text(encoding="utf-8")
    for old, new in (arm, *complete):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "x" / "design.toml").write_text(text, encoding="utf-8", newline="\n")
    with pytest.raises(DesignError, match="say why: --accept REASON"):
        register_design(tmp_path / "x")
    assert not (tmp_path / "x" / "register.jsonl").exists()
    register_design(tmp_path / "x", accept="To rehearse the delivery.")
    said = open_experiment(tmp_path / "x").what_a_test_can_do()
    assert "The scheme allows 1,680 allocations, and each comparison" in said
    assert "That leaves 20 allocations, too few: the smallest p-value is 0.100" in said
