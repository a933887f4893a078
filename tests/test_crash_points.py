"""A fault at every call that writes leaves the old version or the new one, never neither."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from crash_points import CHANGES
from native_files import write_all
from report_templates import write_template
from small_experiment import drawn, outcomes_of, registered
from small_study import LSOAS, small_tables, write_small_study

from lsp_analysis.experiments.protocol.reading import new_experiment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks to be killed need Linux")
SCRIPT = Path(__file__).with_name("crash_points.py")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """For each change, a folder in which it can be made."""
    made = {change: tmp_path_factory.mktemp(change) / "work" for change in CHANGES}
    for folder in made.values():
        folder.mkdir()
    rows = [f"{code},2008-{month:02d},{month},1000" for code in LSOAS for month in range(1, 4)]
    table = "\n".join(["code,month,count,population", *rows, ""])
    (made["add"] / "table.csv").write_text(table, encoding="utf-8")
    write_small_study(made["add"] / "study", small_tables(), record_hashes=True)
    write_all(made["import"] / "files")
    write_small_study(made["import"] / "study", small_tables(), record_hashes=True)
    new_experiment(made["register"] / "trial")
    registered(made["draw"] / "trial")
    drawn(made["analyse"] / "trial")
    outcomes_of(made["analyse"] / "trial")
    write_small_study(made["report"] / "study", small_tables())
    write_template(made["report"])
    return made


@pytest.mark.parametrize("mode", ["fail", "kill"])
@pytest.mark.parametrize("change", CHANGES)
def test_after_a_fault_at_any_call_that_writes_the_old_or_the_new_is_there(folders, change, mode):
    step = os.environ.get("LSP_CRASH_STEP", "0")  # six places; 1 tries every call for a while
    words = [sys.executable, str(SCRIPT), change, mode, str(folders[change]), step]
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=alone)
    found = json.loads(done.stdout)
    assert found["odd"] == []
    assert found["calls"] >= 8
