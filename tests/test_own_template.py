"""Templates of one's own: started, checked, and given a house style, or refused in a sentence."""

import json

import pytest
from small_study import write_small_study

from lsp_analysis import durable
from lsp_analysis.cli import main
from lsp_analysis.errors import ReportError
from lsp_analysis.reports.job.template import read_house_style, style_rules
from lsp_analysis.reports.own_template import new_template

pytestmark = pytest.mark.usefixtures("kept_parent")


def test_a_new_template_comes_with_its_house_style_and_overwrites_nothing(tmp_path):
    path = new_template(tmp_path / "ours.ipynb")
    assert json.loads(path.read_text(encoding="utf-8"))["nbformat"] == 4
    assert read_house_style(path) == {"colour": "#12436d", "second": "#801650"}
    with pytest.raises(ReportError, match=r"ours\.ipynb is there already"):
        new_template(path)
    with pytest.raises(ReportError, match=r'write "ours\.ipynb"'):
        new_template(tmp_path / "ours.txt")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('colour = "blue"', 'colour must match .*such as "#12436d"'),
        ("colour = 3", "each as text"),
        ('tint = "#12436d"', "It may say"),
        ("colour = ", "cannot be read"),
        ('logo = "none.png"', "there is no picture"),
        (
            f'footer = "{"x" * 400}"',
            "footer must be shorter than or equal to 300 char.* at most 300",
        ),
    ],
)
def test_a_house_style_that_cannot_be_used_is_told(tmp_path, text, said):
    path = new_template(tmp_path / "ours.ipynb")
    path.with_suffix(".toml").write_text(text, encoding="utf-8")
    with pytest.raises(ReportError, match=said):
        read_house_style(path)


def test_a_logo_is_carried_in_the_page_and_a_large_one_refused(tmp_path):
    path = new_template(tmp_path / "ours.ipynb")
    path.with_suffix(".toml").write_text('logo = "logo.png"\ncolour = "#005500"')
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    assert read_house_style(path)["logo"].startswith("data:image/png;base64,")
    assert "--here: #005500;" in style_rules(read_house_style(path))
    (tmp_path / "logo.png").write_bytes(b"x" * 70_000)
    with pytest.raises(ReportError, match="Save it smaller"):
        read_house_style(path)


def test_the_check_makes_a_page_and_says_what_it_shows(tmp_path, capsys):
    path = tmp_path / "ours.ipynb"
    assert main(["template", "new", str(path)]) == 0
    assert main(["template", "check", str(path)]) == 0
    said = capsys.readouterr().out
    assert "makes a page with its house style on Hall i' th' Wood" in said
    assert "Its headline: " in said


def test_a_figure_without_text_for_readers_stops_the_check(tmp_path, capsys):
    path = new_template(tmp_path / "ours.ipynb")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    plot = ["import matplotlib.pyplot as plt\n", "plt.plot([1, 2])"]
    notebook["cells"][-1]["source"] = plot
    path.write_text(json.dumps(notebook), encoding="utf-8")
    study = str(write_small_study(tmp_path / "study"))
    assert main(["template", "check", str(path), "--study", study]) == 1
    assert 'alt="..."' in capsys.readouterr().err


def test_a_full_disk_leaves_neither_of_the_two_files(tmp_path, monkeypatch):
    really = durable.replace_file

    def full(path, content):
        if path.suffix == ".ipynb":
            raise OSError(28, "No space left on device")
        really(path, content)

    monkeypatch.setattr(durable, "replace_file", full)
    with pytest.raises(ReportError, match=r"ours\.ipynb cannot be written: No space left"):
        new_template(tmp_path / "ours.ipynb")
    assert not list(tmp_path.iterdir())
