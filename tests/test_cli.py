"""The command line: what it prints, where, and with which exit code."""

import os
import re
import subprocess
import sys
import tempfile

import pytest
from report_templates import write_template
from small_study import LSOAS, write_small_study

import lsp_analysis
from lsp_analysis.cli import main
from lsp_analysis.errors import AreaError
from lsp_analysis.study.check import whole_study


@pytest.fixture
def run(capsys):
    """`run("check", "x")` is (exit code, stdout, stderr)."""

    def run(*words):
        try:
            code = main(words)
        except SystemExit as leaving:
            code = leaving.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def raising(error):
    def check_study(path):
        raise error

    return check_study


def is_one_sentence(text):
    return text.startswith("lsp-analysis: ") and text.count("\n") == 1 and "Traceback" not in text


def test_help_is_a_table_of_contents(run):
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for command in ["check", "import", "report", "reports", "new", "add", "design"]:
        assert f"    {command} " in out


def test_the_version_is_that_of_the_package(run):
    assert run("--version") == (0, f"lsp-analysis {lsp_analysis.__version__}\n", "")


def test_a_current_folder_that_is_gone_is_told(run, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setenv("PWD", str(gone))
    gone.rmdir()
    code, out, err = run("check", "study")
    assert (code, out) == (1, "")
    assert is_one_sentence(err)
    assert "The current folder was replaced. Change into it again: cd ." in err


def test_a_mistyped_command_gets_the_nearest_one_that_exists(run):
    code, out, err = run("chekc", "study")
    assert (code, out) == (2, "")
    assert is_one_sentence(err)
    assert 'there is no command "chekc". Did you mean "check"' in err


def test_so_does_a_mistyped_part_of_a_command(run):
    assert 'there is no act "regster". Did you mean "register"?' in run("design", "regster", "x")[2]
    assert "Choose from M, Q, Y, Y-MAR, Y-AUG." in run("add", "x", "y.csv", "--freq", "weekly")[2]


@pytest.mark.parametrize(
    "words", [[], ["report"], ["report", "study"], ["check", "study", "--quietly"], ["--nonsense"]]
)
def test_a_command_line_that_cannot_be_read_is_a_usage_error(run, words):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert is_one_sentence(err)


def test_a_study_that_is_not_there_is_one_sentence_and_exit_1(run, tmp_path):
    code, out, err = run("check", str(tmp_path / "nowhere"))
    assert (code, out) == (1, "")
    assert is_one_sentence(err)
    assert "nowhere" in err


def test_problems_of_a_study_are_listed_and_counted_with_exit_1(run, tmp_path):
    code, out, err = run("check", str(tmp_path))
    assert (code, err) == (1, "")
    assert "datapackage.json" in out
    assert out.endswith("1 file.\n")


def test_the_sample_study_has_no_problems_and_is_known_by_its_name(run):
    assert run("check", "bolton_demo") == (0, "No problems found.\n", "")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (AreaError("No area is called Brightmett."), 1, "No area is called Brightmett."),
        (PermissionError(13, "Permission denied", "out"), 1, "out: Permission denied."),
        (KeyboardInterrupt(), 130, "interrupted."),
        (MemoryError(), 1, "there is not enough memory, or ulimit allows too little of it."),
    ],
)
def test_what_goes_wrong_is_said_in_a_sentence(run, monkeypatch, error, code, said):
    monkeypatch.setattr(whole_study, "check_study", raising(error))
    assert run("check", "study") == (code, "", f"lsp-analysis: {said}\n")


def test_a_defect_of_the_package_is_one_sentence_and_a_file_to_send(run, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(whole_study, "check_study", raising(ZeroDivisionError("by nobody")))
    code, out, err = run("check", "bolton_demo")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "a fault of lsp-analysis and not yours (ZeroDivisionError: by nobody)" in err
    (file,) = tmp_path.glob("lsp-analysis-fault-*.txt")
    assert str(file) in err
    assert "Traceback" in file.read_text()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    code, _, err = run("check", "bolton_demo")
    assert code == 1
    assert "no file could be written (No such file or directory)" in err


@pytest.mark.parametrize("setting", ["start", "=2008-04"])
def test_a_setting_must_set_something(run, setting):
    code, _, err = run("report", "bolton_demo", "--area", "x", "-p", setting)
    assert code == 2
    assert is_one_sentence(err)
    assert "name=value" in err


@pytest.fixture
def own_study(run, tmp_path):
    run("new", str(tmp_path / "mine"))
    return tmp_path / "mine"


def test_a_new_study_passes_its_own_check(run, own_study):
    assert run("check", str(own_study)) == (0, "No problems found.\n", "")


def test_an_analysts_own_table_is_taken_into_their_study(run, own_study, tmp_path):
    table = tmp_path / "fruit.csv"
    table.write_text("code,period,numerator,denominator\nX01000001,2010,30,120\n")
    words = ["add", str(own_study), str(table), "-p", "name=Five a day", "-p", "unit=percent"]
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    assert "1 rows of five_a_day" in out
    panel = lsp_analysis.open_study(own_study).panel("five_a_day")
    assert panel["value"].tolist() == [25.0]


def test_what_is_wrong_with_their_table_is_a_line_each(run, own_study, tmp_path):
    table = tmp_path / "fruit.csv"
    table.write_text("code,period,numerator\nX01000001,2010,many\nX01000002,2010,few\n")
    code, out, err = run("add", str(own_study), str(table))
    assert (code, out) == (1, "")
    assert [line.strip().split(",")[0] for line in err.splitlines()[1:]] == ["fruit.csv"] * 2


@pytest.mark.parametrize("setting", ["unti=percent", "unit=percnet", "sheet=1", "file=x"])
def test_a_mistaken_fact_leaves_the_study_as_it_was(run, own_study, tmp_path, setting):
    table = tmp_path / "fruit.csv"
    table.write_text("code,period,numerator,denominator\nX01000001,2010,30,120\n")
    before = {path: path.read_bytes() for path in own_study.iterdir()}
    code, out, err = run("add", str(own_study), str(table), "-p", setting)
    assert (code, out) == (1, "")
    assert is_one_sentence(err)
    assert {path: path.read_bytes() for path in own_study.iterdir()} == before


def test_a_shipped_study_is_not_written_to_by_its_name(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = run("add", "bolton_demo", "fruit.csv")
    assert code == 1
    assert re.search("no study folder .*bolton_demo", err)


def test_an_experiment_is_planned_drawn_and_proved_at_the_command_line(run, tmp_path):
    folder = str(tmp_path / "trial")
    assert run("design", "new", folder)[0] == 0
    assert run("design", "register", folder)[0] == 0
    assert run("design", "draw", folder, "--text", "lottery of 4 July: 3 14 15")[0] == 0
    assert run("design", "verify", folder)[0] == 0
    register = tmp_path / "trial" / "register.jsonl"
    register.write_text(register.read_text().replace("evening", "morning", 1))
    code, out, err = run("design", "verify", folder)
    assert (code, out) == (1, "")
    assert is_one_sentence(err)


def test_a_reader_who_has_seen_enough_changes_nothing():
    call = "import sys; from lsp_analysis.cli import main; sys.exit(main())"
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-c", call, "check", "."]
    done = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, text=True)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.slow
def test_a_batch_that_nobody_listens_to_is_done_and_its_failures_counted(tmp_path):
    call = "import sys; from lsp_analysis.cli import main; sys.exit(main())"
    read_end, write_end = os.pipe()
    os.close(read_end)
    words = ["reports", "bolton_demo", "--areas", "E01004803", "E01004804", "--timeout", "0.01"]
    command = [sys.executable, "-c", call, *words, "--out", str(tmp_path)]
    done = subprocess.run(command, stdout=write_end, stderr=write_end, stdin=subprocess.DEVNULL)
    os.close(write_end)
    assert done.returncode == 1
    assert len((tmp_path / "manifest.jsonl").read_text().splitlines()) == 3


def test_half_a_line_that_nobody_reads_changes_no_exit_code():
    call = (
        "import sys; from lsp_analysis.command_line import settle_streams; "
        "sys.stdout.write('half'); sys.stderr.write('half'); {}sys.exit(1)"
    )
    codes = []
    for settled in ("", "settle_streams(); "):
        read_end, write_end = os.pipe()
        os.close(read_end)
        command = [sys.executable, "-c", call.format(settled)]
        buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        done = subprocess.run(command, stdout=write_end, stderr=write_end, env=buffered)
        codes.append(done.returncode)
        os.close(write_end)
    assert codes == [120, 1]


def test_streams_that_are_closed_are_replaced_before_a_file_can_take_their_place(tmp_path):
    call = (
        "import os; from lsp_analysis.command_line import ready_streams; os.close(2); "
        "ready_streams(); print(open('told', 'w').fileno())"
    )
    run = [sys.executable, "-c", call]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert int(done.stdout) > 2


def a_report_that_is_refused(run, tmp_path, *words):
    out = tmp_path / "out"
    code, printed, err = run("report", "bolton_demo", "--out", str(out), *words)
    assert (code, printed) == (2, "")
    assert is_one_sentence(err)
    assert not list(tmp_path.rglob("*.*")), "something was left behind"
    return err


def test_an_unknown_area_is_refused_with_the_nearest_name(run, tmp_path):
    err = a_report_that_is_refused(run, tmp_path, "--area", "Hall ith Wod")
    assert "Did you mean" in err
    assert "Hall i" in err


def test_a_misspelt_parameter_is_refused_before_anything_runs(run, tmp_path):
    err = a_report_that_is_refused(
        run, tmp_path, "--area", "Hall i' th' Wood", "-p", "strat=2008-04"
    )
    assert "Did you mean" in err
    assert "start" in err


def test_a_template_that_does_not_exist_is_refused(run, tmp_path):
    err = a_report_that_is_refused(run, tmp_path, "--area", "Hall i' th' Wood", "--template", "no")
    assert "no" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--areas"),
        (["--decile", "11"], "from 1"),
        (["--all", "--shard", "9/2"], "shard"),
        (["--all", "--engine", "frok"], 'Did you mean "fork"'),
        (["--batch", "missing.yml"], "missing.yml"),
        (["--batch", "missing.yml", "--all"], "either the file"),
        (["--all", "--workers", "-1"], "workers"),
        (["--all", "--timeout", "0"], "limit in seconds"),
        (["--all", "--memory", "nan"], "limit in megabytes"),
    ],
)
def test_a_batch_that_cannot_be_asked_for_starts_nothing(run, tmp_path, words, said):
    code, out, err = run("reports", "bolton_demo", "--out", str(tmp_path / "out"), *words)
    assert (code, out) == (2, "")
    assert is_one_sentence(err)
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_nowhere_is_no_output_folder(run, tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "gone")
    words = ["--area", "E01004803", "--out", str(tmp_path / "out")]
    code, _, err = run("report", "bolton_demo", *words)
    assert code == 2
    assert is_one_sentence(err)
    assert "a link to" in err


def test_what_is_quoted_in_a_complaint_steers_no_terminal(run):
    code, _, err = run("report", "bolton_demo", "--area", "x\x1b[31m\ny")
    assert code == 2
    assert is_one_sentence(err)
    assert err.strip().isprintable()


@pytest.mark.usefixtures("kept_parent")
def test_reports_are_written_with_an_index_and_progress_told_apart_from_the_result(run, tmp_path):
    study, template = write_small_study(tmp_path / "study"), write_template(tmp_path)
    words = ["--areas", "Hall i' th' Wood", LSOAS[1], "--template", str(template)]
    code, out, err = run("reports", str(study), *words, "--out", str(tmp_path / "out"))
    assert code == 0
    assert "reports made in" in out
    assert str(tmp_path / "out" / "index.html") in out
    assert "2 of 2" in err.splitlines()[-1]
    assert len(list(tmp_path.glob("out/*/*.html"))) == 2
