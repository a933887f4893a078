"""Of twenty processes that write at once none loses what another wrote."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from report_templates import write_template
from small_experiment import drawn, outcomes_of, registered
from small_study import LSOAS, write_small_study

from lsp_analysis.experiments.analysis.opening import analyse
from lsp_analysis.experiments.protocol.reading import new_experiment
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.verification import verify
from lsp_analysis.reports.job.manifest import settled_manifest, whole
from lsp_analysis.study import check_study, open_study

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="forks need Linux"),
]
SCRIPT = Path(__file__).with_name("at_once.py")
MANY = 20


def together(change, folder):
    """With which exit status each of the processes ended."""
    words = [sys.executable, str(SCRIPT), change, str(folder)]
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=alone)
    said = "".join(file.read_text() for file in folder.glob("said-*"))
    assert "fault of lsp-analysis" not in said
    assert "Traceback" not in said
    return json.loads(done.stdout)


def kinds(folder):
    assert verify(folder / "trial").holds
    return Counter(entry.kind for entry in chain.read_register(folder / "trial"))


def test_tables_added_to_one_study(tmp_path):
    study = write_small_study(tmp_path / "study", record_hashes=True)
    for k in range(MANY):
        text = f"code,month,count,population\n{LSOAS[0]},2008-01,{k},1000\n"
        (tmp_path / f"t{k}.csv").write_text(text, encoding="utf-8")
    assert together("add", tmp_path) == [0] * MANY
    assert {f"t{k}" for k in range(MANY)} <= set(open_study(study).indicators()["indicator_id"])
    assert check_study(study) == []
    assert not (tmp_path / ".lsp").exists()


def test_a_design_registered_and_drawn(tmp_path):
    new_experiment(tmp_path / "trial")
    assert sorted(together("register", tmp_path)) == [0] + [1] * (MANY - 1)
    assert kinds(tmp_path) == {"registered": 1}
    shutil.rmtree(tmp_path / "trial")
    registered(tmp_path / "trial")
    assert sorted(together("draw", tmp_path)) == [0] + [1] * (MANY - 1)
    assert kinds(tmp_path) == {"registered": 1, "allocated": 1}


def test_outcomes_analysed_and_decisions_taken(tmp_path):
    trial = drawn(tmp_path / "trial")
    for seed in range(0, MANY, 5):
        outcomes_of(trial, f"outcomes-{seed}.csv", seed)
    analyse(trial, trial / "outcomes-0.csv")
    done = together("record", tmp_path)
    assert set(done) <= {0, 1}  # 1: told that another had written, or is writing
    found = kinds(tmp_path)
    assert found["decided"] == [code for k, code in enumerate(done) if k % 5].count(0) >= 1
    assert found["analysed"] >= 1 + done[5::5].count(0)


def test_reports_put_into_one_folder(tmp_path):
    write_small_study(tmp_path / "study")
    write_template(tmp_path)
    (tmp_path / "out").mkdir()
    assert together("report", tmp_path) == [0] * MANY
    found = settled_manifest(tmp_path / "out")
    assert found.sentence() == ""
    assert len(found.records) == MANY // 2
    assert all(map(whole, found.records.values()))
    assert not (tmp_path / "out" / ".lsp").exists()
