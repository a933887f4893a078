"""The register and its verification: every changed byte is found, and named."""

import datetime as dt
import json
import os

import pytest
from small_experiment import TEXT, at, drawn, outcomes_of, registered

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.opening import analyse
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.folder import open_experiment
from lsp_analysis.experiments.record.registration import draw_allocation, register_design
from lsp_analysis.experiments.record.verification import verify


@pytest.fixture
def folder(tmp_path):
    """A drawn experiment with an amendment: three lines of register."""
    folder = drawn(tmp_path / "experiment")
    edit(folder, "worth_having = 5.0", "worth_having = 4.0")
    register_design(folder, note="The price fell.", now=at(2010, 3, 1))
    return folder


def edit(folder, old, new, name="design.toml"):
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8", newline="\n")


def lines(folder):
    return (folder / "register.jsonl").read_bytes().splitlines(keepends=True)


def rewrite(folder, new_lines):
    (folder / "register.jsonl").write_bytes(b"".join(new_lines))


def said(folder, **options):
    found = verify(folder, **options)
    assert not found.holds
    return str(found.sentence())


def test_an_untouched_experiment_holds(folder):
    found = verify(folder)
    assert found.holds
    assert len(found.checked) == 3
    assert "No head was given" in found.unchecked[0]
    assert found.head == open_experiment(folder).head
    assert "three lines of the register" in found.sentence()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_any_changed_byte_of_the_register_is_found_in_its_line(folder, number):
    whole = lines(folder)
    target = whole[number - 1]
    for place in [*range(0, len(target) - 1, 97), len(target) - 2]:
        flipped = bytes([target[place] ^ 1])
        changed = target[:place] + flipped + target[place + 1 :]
        rewrite(folder, [*whole[: number - 1], changed, *whole[number:]])
        if flipped != b"\n":
            assert f"Line {number} of" in said(folder)
            assert "was altered" in said(folder)
    rewrite(folder, whole)
    assert verify(folder).holds


def test_a_resealed_line_breaks_the_chain_at_the_next(folder):
    facts = [json.loads(line) for line in lines(folder)]
    facts[0]["content"]["note"] = "nothing to see"
    unsealed = {name: value for name, value in facts[0].items() if name != "hash"}
    facts[0]["hash"] = chain.digest_of(chain._canonical(unsealed))
    rewrite(folder, [chain._canonical(f) + b"\n" for f in facts])
    assert "Line 2 of" in said(folder)
    assert "does not follow the line before" in said(folder)


def test_a_line_removed_added_or_moved_is_found(folder):
    one, two, three = lines(folder)
    for order in ([one, three], [two, three], [one, three, two], [one, two, two, three]):
        rewrite(folder, order)
        assert "does not follow" in said(folder)


def test_a_line_cut_short_is_named_and_the_next_entry_takes_its_place(folder):
    rewrite(folder, [b"".join(lines(folder))[:-20]])
    assert "Line 3" in said(folder)
    assert "cut short" in said(folder)
    chain.append(folder, "deviation", {"what": "x"})
    assert [entry.kind for entry in chain.read_register(folder)][2:] == ["deviation"]
    assert not chain.unfinished(folder)


def test_an_end_cut_off_is_seen_by_who_holds_the_head(folder):
    head = open_experiment(folder).head
    edit(folder, "worth_having = 4.0", "worth_having = 5.0")
    rewrite(folder, lines(folder)[:2])
    assert verify(folder).holds, "the chain alone cannot know"
    assert "No line of the register has the hash" in said(folder, head=head)


def test_a_head_of_an_earlier_line_is_accepted(folder):
    earlier = chain.read_register(folder)[1].hash
    assert verify(folder, head=earlier.upper()).holds
    assert "give all 64 characters" in said(folder, head=earlier[:12])
    assert "give all 64 characters" in said(folder, head="d")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("design.toml", "worth_having = 4.0", "worth_having = 3.0"),
        ("design.toml", "# The design", "# the design"),
        ("units.csv", "61.2", "61.3"),
        ("allocation.csv", "0", "1"),
    ],
)
def test_any_changed_byte_of_design_units_or_allocation_is_found(folder, name, old, new):
    edit(folder, old, new, name=name)
    assert name in said(folder)
    assert "was altered" in said(folder)


def test_a_changed_design_says_which_field(folder):
    edit(folder, "worth_having = 4.0", "worth_having = 3.0")
    assert "decision.worth_having: 4.0 -> 3.0" in said(folder)
    with pytest.raises(DesignError, match="worth_having"):
        open_experiment(folder)


def test_a_file_that_is_gone_is_named(folder):
    (folder / "allocation.csv").unlink()
    assert "allocation.csv is missing" in said(folder)
    assert len(open_experiment(folder).allocation) == 12, "the record gives it again"
    with pytest.raises(DesignError, match="A second draw needs"):
        draw_allocation(folder, text="another text", now=at(2010, 3, 2))
    draw_allocation(folder, text=TEXT, now=at(2010, 3, 2))
    assert verify(folder).holds


def test_an_allocation_forged_with_its_register_is_not_the_one_drawn(tmp_path):
    # The forger swaps two units, puts the new hash on record and reseals the whole chain.
    folder = drawn(tmp_path / "experiment")
    text = (folder / "allocation.csv").read_bytes()
    rows = text.splitlines(keepends=True)
    swap = {b"usual": b"wardens", b"wardens": b"usual"}
    first = next(i for i, r in enumerate(rows) if r.endswith(b"usual\n"))
    second = next(i for i, r in enumerate(rows) if r.endswith(b"wardens\n"))
    for place in (first, second):
        start, _, arm = rows[place].rstrip().rpartition(b",")
        rows[place] = start + b"," + swap[arm] + b"\n"
    (folder / "allocation.csv").write_bytes(b"".join(rows))
    facts = [json.loads(line) for line in lines(folder)]
    facts[1]["content"]["sha256"] = chain.sha256_of(folder / "allocation.csv")
    unsealed = {name: value for name, value in facts[1].items() if name != "hash"}
    facts[1]["hash"] = chain.digest_of(chain._canonical(unsealed))
    rewrite(folder, [chain._canonical(f) + b"\n" for f in facts])
    assert "not the one that the registration and the text" in said(folder)


def test_no_register_is_no_proof(tmp_path):
    assert "There is no register" in said(tmp_path)


# Amendments


def test_amendments_are_numbered_with_reason_changes_and_time(folder):
    edit(folder, "draws = 9999", "draws = 4999")
    register_design(folder, note="Quicker.", now=at(2010, 3, 2))
    table = open_experiment(folder).amendments
    assert table["amendment"].tolist() == [1, 2]
    assert table["reason"].tolist() == ["The price fell.", "Quicker."]
    assert table["changes"].tolist() == [
        "decision.worth_having: 5.0 -> 4.0",
        "analysis.draws: 9999 -> 4999",
    ]
    assert table["made"].unique().tolist() == ["after the draw"]
    assert verify(folder).holds


def test_an_amendment_needs_a_reason_and_a_change(tmp_path):
    folder = registered(tmp_path / "experiment")
    with pytest.raises(DesignError, match="Nothing changed"):
        register_design(folder, note="No reason.", now=at(2010, 2, 2))
    edit(folder, "worth_having = 5.0", "worth_having = 4.0")
    with pytest.raises(DesignError, match="needs a reason"):
        register_design(folder, note=" ", now=at(2010, 2, 2))


def test_what_was_drawn_is_not_changed_without_another_draw(folder):
    edit(folder, "area-01", "area-99", name="units.csv")
    with pytest.raises(DesignError, match="changes what was drawn"):
        register_design(folder, note="A typing error.")


def test_a_design_that_cannot_be_drawn_is_not_registered(tmp_path):
    with pytest.raises(DesignError, match="no column nowhere"):
        registered(tmp_path / "experiment", ('strata = ["district"]', 'strata = ["nowhere"]'))
    assert not (tmp_path / "experiment/register.jsonl").exists()


# Draws


def test_the_same_inputs_give_the_same_file_bit_for_bit(tmp_path):
    files = [drawn(tmp_path / name) / "allocation.csv" for name in ("one", "two")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert chain.sha256_of(files[0])[:16] == KNOWN_DRAW


KNOWN_DRAW = "e057e13a6d4ee11c"


def test_another_text_gives_another_draw(tmp_path):
    one = drawn(tmp_path / "one")
    two = registered(tmp_path / "two")
    draw_allocation(two, text="another text", now=at(2010, 2, 15))
    assert (one / "allocation.csv").read_bytes() != (two / "allocation.csv").read_bytes()


def test_a_second_draw_is_refused_unless_an_amendment_asks_for_it(folder):
    with pytest.raises(DesignError, match="A second draw needs an amendment"):
        draw_allocation(folder, text="another text")
    first = (folder / "allocation.csv").read_bytes()
    edit(folder, 'source_date = ""', 'source_date = "2010-03-02"')
    with pytest.raises(DesignError, match="not after today"):
        register_design(folder, note="Two areas merged.", redraw=True, now=at(2010, 3, 2))
    edit(folder, "2010-03-02", "2010-03-03")
    register_design(folder, note="Two areas merged.", redraw=True, now=at(2010, 3, 2))
    with pytest.raises(DesignError, match="Draw when it is known"):
        draw_allocation(folder, text="another text", now=at(2010, 3, 2))
    with pytest.raises(DesignError, match="seeded a draw before"):
        draw_allocation(folder, text=TEXT, now=at(2010, 3, 3))
    again = draw_allocation(folder, text="another text", now=at(2010, 3, 3))
    assert again.draw.content["file"] == "allocation-2.csv"
    assert (folder / "allocation.csv").read_bytes() == first
    assert verify(folder).holds
    edit(folder, "0", "1", name="allocation.csv")
    assert "allocation.csv was altered" in said(folder), "the first draw stays on record"


def test_units_are_not_drawn_again_once_outcomes_are_open(folder):
    analyse(folder, outcomes_of(folder), now=at(2011, 5, 1))
    with pytest.raises(DesignError, match="Start the next round"):
        register_design(folder, note="We did not like it.", redraw=True)


def test_a_draw_needs_the_other_partys_text(tmp_path):
    with pytest.raises(DesignError, match="other party's text is empty"):
        draw_allocation(registered(tmp_path / "experiment"), text=" ")


def test_an_edit_after_registration_stops_the_draw(tmp_path):
    folder = registered(tmp_path / "experiment")
    edit(folder, "worth_having = 5.0", "worth_having = 4.0")
    with pytest.raises(DesignError, match="was altered after line 1"):
        draw_allocation(folder, text=TEXT)


# The file itself


def test_time_does_not_run_backwards(folder):
    with pytest.raises(DesignError, match="before the line before it"):
        chain.append(folder, "deviation", {"what": "x"}, now=at(2010, 1, 1))


def test_times_are_utc(tmp_path):
    east = dt.timezone(dt.timedelta(hours=5))
    entry = chain.append(
        tmp_path, "deviation", {"what": "x"}, now=dt.datetime(2010, 1, 1, 2, tzinfo=east)
    )
    assert entry.time == "2009-12-31T21:00:00Z"


def test_two_writers_do_not_mix(folder, monkeypatch):
    monkeypatch.setattr(chain, "PATIENCE", 0.05)
    with chain.alone(folder), pytest.raises(DesignError, match="has been writing"):  # noqa: SIM117
        with chain.alone(folder):
            pass
    with chain.alone(folder):
        chain.append(folder, "deviation", {"what": "x"})
    assert sorted(p.name for p in folder.iterdir()) == [
        "allocation.csv",
        "design.toml",
        "register.jsonl",
        "units.csv",
    ]


def test_an_entry_is_on_the_disk_before_it_counts(tmp_path, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(handle) or real(handle))
    chain.append(tmp_path, "deviation", {"what": "x"})
    assert len(synced) >= 1


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(DesignError, match="cannot be written"):
        chain.append(tmp_path / "nowhere", "deviation", {"what": "x"})


def test_an_unregistered_folder_says_what_to_do(tmp_path):
    with pytest.raises(DesignError, match="design register"):
        open_experiment(tmp_path)


def test_the_altered_line_of_an_allocation_is_named(folder):
    was, now = "area-03,0,usual", "area-03,0,wardens"
    if was not in (folder / "allocation.csv").read_text(encoding="utf-8"):
        was, now = now, was
    edit(folder, was, now, name="allocation.csv")
    assert f"line 4 says '{now}'; on record it says '{was}'" in said(folder)


def test_the_altered_line_of_a_design_is_named(folder):
    edit(folder, "round = 1", "round = 2")
    assert "in its line 8 says 'round = 2'; on record it says 'round = 1'" in said(folder)


def test_other_line_ends_are_named(folder):
    file = folder / "design.toml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert "line ends are not those on record" in said(folder)


def test_a_whole_line_without_its_end_is_kept(folder):
    file = folder / "register.jsonl"
    file.write_bytes(file.read_bytes()[:-1])
    assert "Line 3" in said(folder)
    assert "Put it back" in said(folder)


@pytest.mark.parametrize("name", ["register.jsonl", "design.toml", "units.csv", "allocation.csv"])
def test_a_folder_in_place_of_a_file_is_one_sentence(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()
    assert name in said(folder)
