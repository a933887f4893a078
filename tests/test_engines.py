"""The way to make reports is settled, or refused, before anything starts."""

import os
import subprocess
import sys

import pytest

CLI = "import sys; from lsp_analysis.cli import main; sys.exit(main())"


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are Linux's here")
@pytest.mark.parametrize("space", [400_000, 600_000])  # SciPy cannot be loaded in the first
@pytest.mark.parametrize("engine", ["fork", "kernel"])
def test_too_little_address_space_is_told_at_once_and_not_by_a_deadline(tmp_path, engine, space):
    words = ["report", "bolton_demo", "--area", "E01004803", "--engine", engine]
    command = [sys.executable, "-c", CLI, *words, "--out", str(tmp_path / "out")]
    done = subprocess.run(
        ["sh", "-c", f'ulimit -v {space}; exec "$@"', "sh", *command],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{1.024e-3 * space:.0f} MB of address space (ulimit -v)" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
