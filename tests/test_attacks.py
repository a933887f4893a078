"""Attacks on an experiment on record: each is found and named, by a holder of the head at least."""

import json
import shutil

import pandas as pd
import pytest
from small_experiment import TEXT, at, drawn, outcomes_of, registered

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.opening import analyse, take_look
from lsp_analysis.experiments.analysis.pooling import pool_rounds
from lsp_analysis.experiments.papers.result import write_result
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.folder import allocation_text, digest_of, open_experiment
from lsp_analysis.experiments.record.registration import (
    draw_allocation,
    record_decision,
    register_design,
)
from lsp_analysis.experiments.record.verification import verify

LOOKS = (
    "[stopping]",
    '[looks]\ndates = ["2010-10-31", "2011-04-30"]\nboundary = "pocock"\n[stopping]',
)
OPTIONS = (
    ('models = ["ols"]', "models = []"),
    ("draws = 9999", "draws = 999"),
    LOOKS,
    ("subgroups = []", 'subgroups = ["district"]'),
)
DECISION = {"decision": "adapt", "reason": "Dear.", "by": "Lead agencies"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Registered, drawn, looked at, analysed, published and decided; and the heads in order."""
    folder = drawn(tmp_path_factory.mktemp("attacked") / "x", *OPTIONS)
    take_look(folder, outcomes_of(folder, "early.csv", seed=3), now=at(2010, 11, 1))
    result = analyse(folder, outcomes_of(folder), now=at(2011, 5, 1))
    write_result(result, folder, now=at(2011, 5, 1))
    record_decision(folder, arm="wardens", now=at(2011, 5, 2), **DECISION)
    return folder, [entry.hash for entry in chain.read_register(folder)]


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished[0], tmp_path / "x")


@pytest.fixture
def head(finished):
    return finished[1][-1]


def lines(folder):
    return [json.loads(line) for line in (folder / "register.jsonl").read_text().splitlines()]


def written(folder, entries):
    """The register with these entries, sealed anew so that the chain holds."""
    before, out = chain.GENESIS, []
    for number, entry in enumerate(entries, start=1):
        bare = {k: v for k, v in entry.items() if k != "hash"}
        bare |= {"number": number, "previous": before}
        before = chain.digest_of(chain._canonical(bare))
        out.append(chain._canonical({**bare, "hash": before}))
    (folder / "register.jsonl").write_bytes(b"\n".join(out) + b"\n")


def edited(folder, number, **content):
    """Line `number` with other content, and all after it sealed anew."""
    entries = lines(folder)
    entries[number - 1]["content"] |= content
    written(folder, entries)


def test_all_of_it_holds_before_it_is_attacked(finished, head):
    told = verify(finished[0], head=head)
    assert told.holds
    assert not told.unchecked
    kinds = [entry["kind"] for entry in lines(finished[0])]
    assert kinds == ["registered", "allocated", "look", "analysed", "published", "decided"]


# The register, without its secret of sealing


def raw(change):
    def attack(folder):
        file = folder / "register.jsonl"
        file.write_bytes(b"\n".join(change(file.read_bytes().splitlines())) + b"\n")

    return attack


PLAIN = {
    "a letter changed": (lambda x: [x[0], x[1].replace(b"Lottery", b"Lotterx"), *x[2:]], "Line 2"),
    "a hash changed": (lambda x: [*x[:3], x[3][:-3] + b'f"}', *x[4:]], "Line 4"),
    "a line removed": (lambda x: [*x[:2], *x[3:]], "Line 3"),
    "two lines swapped": (lambda x: [x[0], x[2], x[1], *x[3:]], "Line 2"),
    "a line repeated": (lambda x: [*x[:3], x[2], *x[3:]], "Line 4"),
    "a line added": (lambda x: [*x, b'{"kind":"decided"}'], "Line 7"),
    "a second register behind": (lambda x: [*x, *x], "Line 7"),
    "blanks added": (lambda x: [x[0].replace(b":", b": ", 1), *x[1:]], "Line 1"),
    "a key given twice": (lambda x: [x[0][:-1] + b',"kind":"registered"}', *x[1:]], "Line 1"),
    "other line ends": (lambda x: [line + b"\r" for line in x], "Line 1"),
    "nothing left": (lambda x: [], "Line 1"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_register_edited_by_hand_names_the_line(folder, name):
    change, said = PLAIN[name]
    raw(change)(folder)
    told = verify(folder)
    assert not told.holds
    assert said in told.sentence() or "no register" in told.sentence()


# The register, sealed anew: found by what it vouches for, without any head


def forged_allocation(folder):
    file = folder / "allocation.csv"
    table = (
        file.read_text().replace("usual", "X").replace("wardens", "usual").replace("X", "wardens")
    )
    file.write_bytes(table.encode())
    edited(folder, 2, sha256=digest_of(table))


def forged_seed(folder):
    """A seed that gives another draw, not that of head and text."""
    seed = digest_of("what suits")
    text = allocation_text(open_experiment(folder).scheme, seed)
    (folder / "allocation.csv").write_bytes(text.encode())
    edited(folder, 2, seed=seed, sha256=digest_of(text))


def forged_answer(folder):
    """A draw that answers a head which never was."""
    head = digest_of("no head")
    seed = digest_of(f"{head}\n{TEXT}")
    text = allocation_text(open_experiment(folder).scheme, seed)
    (folder / "allocation.csv").write_bytes(text.encode())
    edited(folder, 2, answers=head, seed=seed, sha256=digest_of(text))


def forged_finding(folder):
    rows = lines(folder)[3]["content"]["findings"]
    edited(folder, 4, findings=[row | {"finding": "benefit", "estimate": -9.0} for row in rows])


def forged_look(folder):
    rows = lines(folder)[2]["content"]["arms"]
    edited(folder, 3, arms=[row | {"crossed": "benefit", "z": 4.0} for row in rows])


def forged_table(folder, row=-1):
    """A subgroup made to differ, and the file's hash on record with it."""
    file = folder / "result.csv"
    table = pd.read_csv(file)
    table.loc[table.index[row], "estimate"] -= 5
    file.write_bytes(table.to_csv(index=False, lineterminator="\n").encode())
    files = lines(folder)[4]["content"]["files"]
    edited(folder, 5, files=files | {"result.csv": digest_of(file.read_text())})


def forged_decision(folder):
    edited(folder, 6, finding="benefit")


def forged_outcomes(folder):
    """Other outcomes, whose hash is put on record in place of the old one."""
    outcomes_of(folder, seed=8)
    edited(folder, 4, sha256=chain.sha256_of(folder / "outcomes.csv"))


def backdated(folder):
    entries = lines(folder)
    entries[3]["time"] = "2010-03-01T09:00:00Z"
    written(folder, entries)


def late_amendment(folder):
    """The design changed before the draw, when the text could be known: no day to come is named."""
    entries = lines(folder)
    plan = entries[0]["content"] | {"changes": ["comments"], "redraw": False, "note": "Comments."}
    entries.insert(1, entries[0] | {"kind": "amended", "content": plan})
    written(folder, entries)


def text_used_twice(folder):
    entries = lines(folder)
    plan = entries[0]["content"] | {"changes": [], "redraw": True, "note": "Once more."}
    written(folder, [*entries[:2], entries[1] | {"kind": "amended", "content": plan}])
    draw_allocation(folder, text="Another text", now=at(2010, 2, 16))
    head = lines(folder)[2]["hash"]
    seed = digest_of(f"{head}\n{TEXT}")
    text = allocation_text(open_experiment(folder).scheme, seed)
    (folder / "allocation-2.csv").write_bytes(text.encode())
    edited(folder, 4, text=TEXT, seed=seed, sha256=digest_of(text))


SEALED = {
    "arms swapped in the draw": (forged_allocation, "is not the one that the registration"),
    "a seed that suits": (forged_seed, "is not the one that the registration"),
    "a head that never was": (forged_answer, "answers a head that is not that"),
    "a finding": (forged_finding, "the outcomes give"),
    "a bound crossed at a look": (forged_look, "the outcomes give"),
    "a subgroup in the table": (forged_table, "is not what the outcomes give"),
    "the finding a decision rests on": (forged_decision, "decides on a finding of benefit"),
    "outcomes with their hash": (forged_outcomes, "the outcomes give"),
    "an analysis dated before the look": (backdated, "before the line before it"),
    "an amendment once the text was known": (late_amendment, "changed the design before the draw"),
    "one text for two draws": (text_used_twice, "seeded a draw before"),
}


@pytest.mark.parametrize("name", SEALED)
def test_a_register_sealed_anew_is_found_by_what_it_vouches_for(folder, head, name):
    attack, said = SEALED[name]
    attack(folder)
    told = verify(folder)
    assert not told.holds
    assert said in told.sentence()
    assert not verify(folder, head=head).holds


# Consistent in itself: only the head that was handed over can tell


def cut(n):
    return lambda folder: written(folder, lines(folder)[:n])


def analysis_forgotten(folder):
    """Outcomes analysed, the finding not liked: the lines go, and other outcomes are analysed."""
    written(folder, lines(folder)[:3])
    analyse(folder, outcomes_of(folder, seed=9), now=at(2011, 5, 3))


def branched(folder):
    """Another text from the registration on."""
    written(folder, lines(folder)[:1])
    (folder / "allocation.csv").unlink()
    draw_allocation(folder, text="Another text", now=at(2010, 2, 15))


def anew(folder):
    """Registered and drawn again as a whole, the next day, until it suits."""
    (folder / "register.jsonl").unlink()
    (folder / "allocation.csv").unlink()
    register_design(folder, now=at(2010, 2, 2))
    draw_allocation(folder, text=TEXT, now=at(2010, 2, 15))


def look_forgotten(folder):
    written(folder, [entry for entry in lines(folder) if entry["kind"] != "look"])


def page_and_its_hash(folder):
    file = folder / "result.html"
    before = file.read_bytes()
    file.write_bytes(before.replace(b"</h1>", b": it works</h1>"))
    assert file.read_bytes() != before
    files = lines(folder)[4]["content"]["files"]
    edited(folder, 5, files=files | {"result.html": chain.sha256_of(file)})


def reason_of_a_decision(folder):
    edited(folder, 6, reason="It works.")


def later_day(folder):
    entries = lines(folder)
    entries[0]["time"] = "2010-01-01T09:00:00Z"
    written(folder, entries)


HEADS = {
    "the last line cut off": cut(5),
    "all after the draw cut off": cut(2),
    "all but the registration cut off": cut(1),
    "an analysis forgotten": analysis_forgotten,
    "a look forgotten": look_forgotten,
    "a branch with another text": branched,
    "written anew as a whole": anew,
    "a page and its hash": page_and_its_hash,
    "the reason of a decision": reason_of_a_decision,
    "an earlier day of registration": later_day,
}


@pytest.mark.parametrize("name", HEADS)
def test_what_is_consistent_in_itself_is_found_with_the_head(folder, head, name):
    HEADS[name](folder)
    told = verify(folder, head=head)
    assert not told.holds
    assert f"No line of the register has the hash {head}" in told.sentence()
    without = verify(folder)  # it says itself what it could not see
    assert not without.holds or "cut short or written anew" in " ".join(without.unchecked)


# The files


@pytest.mark.parametrize(
    "name",
    [
        "design.toml",
        "units.csv",
        "allocation.csv",
        "early.csv",
        "outcomes.csv",
        "result.html",
        "summary.html",
        "result.csv",
        "data.csv",
        "codebook.csv",
    ],
)
@pytest.mark.parametrize("how", ["a figure", "a row"])
def test_an_edited_file_is_named(folder, head, name, how):
    file = folder / name
    content = file.read_bytes()
    rows = content.splitlines(keepends=True)
    file.write_bytes(
        content.replace(b"1", b"2", 1) if how == "a figure" else b"".join([*rows[:1], *rows[2:]])
    )
    told = verify(folder, head=head)
    assert not told.holds
    assert name in told.sentence()


def test_two_units_in_another_order_are_named(folder):
    file = folder / "units.csv"
    rows = file.read_text().splitlines()
    file.write_text("\n".join([rows[0], rows[2], rows[1], *rows[3:]]) + "\n")
    assert "units.csv was altered" in verify(folder).sentence()


def test_a_draw_that_is_not_on_record_is_named(folder):
    shutil.copy(folder / "allocation.csv", folder / "allocation-2.csv")
    assert "no draw of it is on record" in verify(folder).sentence()


def test_files_taken_away_are_named(folder):
    (folder / "allocation.csv").unlink()
    assert "allocation.csv is missing" in verify(folder).sentence()
    draw_allocation(folder, text=TEXT)  # the same draw, written again
    for name in ("outcomes.csv", "result.html"):
        (folder / name).unlink()
    told = " ".join(verify(folder).unchecked)
    assert "outcomes.csv of line 4 is not in the folder" in told
    assert "result.html of line 5 is not in the folder" in told


def test_the_register_of_another_experiment_is_named(folder, tmp_path):
    other = drawn(tmp_path / "other", ("worth_having = 5.0", "worth_having = 1.0"))
    shutil.copy(other / "register.jsonl", folder / "register.jsonl")
    assert "design.toml was altered" in verify(folder).sentence()


# Grinding: acts that the package itself would do


def test_the_draw_cannot_be_retried(folder):
    with pytest.raises(DesignError, match="The units were drawn on"):
        draw_allocation(folder, text="A better text", now=at(2011, 5, 4))
    with pytest.raises(DesignError, match="outcomes have been opened"):
        register_design(folder, note="Again.", redraw=True, now=at(2011, 5, 4))


def test_comments_cannot_be_amended_until_the_draw_suits(tmp_path):
    folder = registered(tmp_path / "x")
    file = folder / "design.toml"
    for n in range(5):
        file.write_bytes(file.read_bytes() + f"# {n}\n".encode())
        with pytest.raises(DesignError, match="cannot change before the draw"):
            register_design(folder, note="Comments.", now=at(2010, 2, 14))


def test_lines_put_in_until_the_draw_suits_are_found_with_the_head(tmp_path):
    # Harmless lines move the head, and with it the draw: the head handed over is not answered.
    folder = registered(tmp_path / "x")
    handed_over = open_experiment(folder).head
    for n in range(3):
        chain.append(folder, "deviation", {"what": f"Nothing {n}"}, now=at(2010, 2, 14))
    draw_allocation(folder, text=TEXT, now=at(2010, 2, 15))
    assert verify(folder).holds
    assert "three lines came in between" in verify(folder, head=handed_over).sentence()


def test_every_draw_is_counted(tmp_path):
    folder = drawn(tmp_path / "x")
    for n in range(2):
        register_design(folder, note="Once more.", redraw=True, now=at(2010, 3, n + 1))
        draw_allocation(folder, text=f"Another lottery {n}", now=at(2010, 3, n + 1))
    told = verify(folder)
    assert told.holds
    assert "Units were drawn three times" in told.sentence()


def test_outcomes_analysed_until_they_suit_are_counted(folder, head):
    for seed in (4, 5, 6):
        result = analyse(folder, outcomes_of(folder, f"{seed}.csv", seed), now=at(2011, 6, seed))
    assert "analysed four times, with different files" in result.sentence()
    told = verify(folder, head=head)
    assert "four analyses on record, of four outcomes files" in told.sentence()
    assert len(open_experiment(folder).deviations) == 3


def test_a_look_too_early_and_an_analysis_too_early_are_on_record(tmp_path):
    folder = drawn(tmp_path / "x", *OPTIONS)
    take_look(folder, outcomes_of(folder), now=at(2010, 6, 1))
    analyse(folder, folder / "outcomes.csv", now=at(2010, 12, 1))
    told = " ".join(open_experiment(folder).deviations["deviation"])
    assert "that the protocol did not plan" in told
    assert "before the final analysis planned for 2011-04-30" in told


def test_time_cannot_be_turned_back(folder):
    with pytest.raises(DesignError, match="dated before the line before it"):
        record_decision(folder, arm="wardens", now=at(2010, 1, 1), **DECISION)


def test_part_of_a_head_is_no_head(folder, head):
    assert "not a head" in verify(folder, head=head[:16]).sentence()
    assert verify(folder, head=f"  {head.upper()} ").holds


def test_an_amendment_after_the_analysis_raises_no_false_alarm(folder, head):
    file = folder / "design.toml"
    file.write_bytes(file.read_bytes().replace(b"worth_having = 5.0", b"worth_having = 50.0"))
    register_design(folder, note="The price rose.", now=at(2011, 7, 1))
    assert verify(folder, head=head).holds


def test_a_round_counts_once_and_one_left_out_is_told(folder):
    result = analyse(folder, folder / "outcomes.csv", now=at(2011, 5, 3))
    with pytest.raises(DesignError, match="Round 1 is given twice"):
        pool_rounds([result, result], arm="wardens")
