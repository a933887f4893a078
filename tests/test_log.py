"""What cells print is for the log, and a loop gone wild fills neither it nor the notebook."""

from nbformat.v4 import new_code_cell, new_notebook, new_output

from lsp_analysis.reports.run import log


def printed(text, name="stdout"):
    stream = new_output("stream", name=name, text=text)
    return new_notebook(cells=[new_code_cell("loop()", outputs=[stream])])


def test_the_log_keeps_the_beginning_and_says_how_much_more_there_was(tmp_path):
    path = tmp_path / "one.log"
    log.add_cells(str(path), printed("x" * 5_000_000, name="stderr"))
    kept = path.read_text()
    assert len(kept) < 1_001_000
    assert kept.endswith("[4,000,000 characters more]\n\n")


def test_what_fits_is_kept_as_it_was(tmp_path):
    log.add_cells(str(tmp_path / "one.log"), printed("short\n"))
    assert "short\n" in (tmp_path / "one.log").read_text()
    notebook = printed("short\n")
    log.stamp(notebook, {}, {})
    assert notebook.cells[0].outputs[0].text == "short\n"


def test_the_notebook_keeps_less_still():
    notebook = printed("x" * 5_000_000)
    log.stamp(notebook, {}, {})
    text = notebook.cells[0].outputs[0].text
    assert len(text) < 101_000
    assert text.endswith("[4,900,000 characters more]\n")
