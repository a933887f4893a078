"""What the README and its neighbours promise is what happens."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from small_study import LSOAS, write_small_study

from lsp_analysis.cli import COMMANDS
from lsp_analysis.command_line import read_command_line
from lsp_analysis.reports.job.manifest import read_manifest
from lsp_analysis.reports.job.request import JobMaker
from lsp_analysis.reports.job.selection import jobs_of, read_batch_file

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
VERBS = re.findall(r"^([\w-]+):(?!=)", MAKEFILE, re.MULTILINE)


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands():
    shell = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    inline = [text for text in re.findall(r"`([^`\n]+)`", README) if " " in text]
    found = [shlex.split(line, comments=True) for line in [*shell, *inline]]
    return [words for words in found if words[:1] == ["lsp-analysis"]]


def as_one_line(text):
    return " ".join(text.split())


def test_the_lines_for_a_notebook_run_and_say_what_is_quoted_below_them(capsys):
    (code,) = blocks("python")
    exec(code, {})
    quoted = re.search(r"^> (.*(?:\n> .*)*)", README, re.MULTILINE)[1].replace("\n> ", " ")
    assert as_one_line(quoted) in as_one_line(capsys.readouterr().out)


@pytest.mark.parametrize("page", ["disclosure", "effects"])
def test_the_lines_of_a_docs_page_that_need_no_data_of_yours_run(page):
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    exec(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[-1], {})


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_can_be_given_as_it_is_printed(words):
    assert read_command_line(words[1:]).command in COMMANDS


def test_the_batch_file_can_be_given_as_it_is_printed(tmp_path):
    (text,) = blocks("yaml")
    (tmp_path / "quarter.yaml").write_text(text)
    maker = JobMaker(ROOT / "data" / "bolton_demo", out=tmp_path)
    jobs = jobs_of(read_batch_file(tmp_path / "quarter.yaml"), maker)
    assert {job.name.partition("--")[2] for job in jobs} == {"", "a-year-later"}


SBATCH = """#!{python}
import os, re, subprocess, sys
first, last = map(int, re.search(r"--array=([0-9]+)-([0-9]+)", " ".join(sys.argv)).groups())
line = sys.argv[sys.argv.index("--wrap") + 1]
for task in range(first, last + 1):
    environment = os.environ | {{"SLURM_ARRAY_TASK_ID": str(task)}}
    subprocess.run(["sh", "-c", line], env=environment, check=True)
"""


@pytest.mark.slow
def test_the_slurm_array_makes_every_page_once(tmp_path):
    """The line as it is printed, with two tasks in place of eight, under a stand-in for sbatch."""
    write_small_study(tmp_path / "my_study")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "sbatch").write_text(SBATCH.format(python=sys.executable))
    (tools / "sbatch").chmod(0o755)
    (line,) = re.findall(r"`(sbatch [^`]+)`", README)
    line = line.replace("1-8", "1-2").replace("/8", "/2")
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(["sh", "-c", line], cwd=tmp_path, env=os.environ | {"PATH": path}, check=True)
    found = read_manifest(tmp_path / "out")
    assert sorted(record.area_code for record in found.records.values()) == sorted(LSOAS)
    assert not any(record.failed for record in found.records.values())
    assert len((tmp_path / "out" / "manifest.jsonl").read_text().splitlines()) == 1 + len(LSOAS)
    index = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert all(f'href="{record.name}/' in index for record in found.records.values())


@pytest.mark.parametrize("verb", ["reports", "test", "test-all", "lab", "check"])
def test_the_plain_form_of_a_verb_is_what_make_runs(verb):
    plain = re.search(rf"^\| `make {verb}` \| `(.+?)` \|$", README, re.MULTILINE)[1]
    recipe = re.search(rf"^{verb}: .*\n\t(.+)$", MAKEFILE, re.MULTILINE)[1]
    for variable in ["STUDY", "OUT"]:
        value = re.search(rf"^{variable} +:= (.+)$", MAKEFILE, re.MULTILINE)[1]
        recipe = recipe.replace(f"$({variable})", value)
    assert plain in recipe


def test_every_verb_is_explained_where_people_look_for_it():
    assert set(VERBS) == {"help", "setup", "reports", "test", "test-all", "lab", "check", "clean"}
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for verb in set(VERBS) - {"help"}:
        assert f"`make {verb}`" in README
        assert f"`make {verb}`" in contributing
        assert f'"make {verb} ' in MAKEFILE


def test_every_link_within_the_project_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_picture_is_described_and_light():
    description, picture = re.search(r"!\[(.+)\]\((.+)\)", README).groups()
    assert len(description) > 20
    assert (ROOT / picture).stat().st_size < 150_000
