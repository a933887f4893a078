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


QUICK = ("draw",)


@pytest.fixture
def folder(tmp_path, change):
    """A folder in which `change` can be made."""
    made = tmp_path / "work"
    made.mkdir()
    if change in ("add", "import", "report"):
        write_small_study(made / "study", small_tables(), record_hashes=change != "report")
    if change == "add":
        rows = [f"{code},2008-{month:02d},{month},1000" for code in LSOAS for month in range(1, 4)]
        table = "\n".join(["code,month,count,population", *rows, ""])
        (made / "table.csv").write_text(table, encoding="utf-8")
    elif change == "import":
        write_all(made / "files")
    elif change == "register":
        new_experiment(made / "trial")
    elif change == "draw":
        registered(made / "trial")
    elif change == "analyse":
        drawn(made / "trial")
        outcomes_of(made / "trial")
    else:
        write_template(made)
    return made


@pytest.mark.parametrize(
    "change", [c if c in QUICK else pytest.param(c, marks=pytest.mark.slow) for c in CHANGES]
)
def test_after_a_fault_at_any_call_that_writes_the_old_or_the_new_is_there(folder, change):
    places = os.environ.get("LSP_CRASH_PLACES", "3" if change in QUICK else "6")  # 0: every call
    words = [sys.executable, str(SCRIPT), change, str(folder), places]
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=alone)
    found = json.loads(done.stdout)
    assert found["odd"] == []
    assert found["calls"] >= 8
    assert found["tried"] >= 6
