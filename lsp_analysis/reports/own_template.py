"""Report templates of one's own: a commented notebook to start from, and a check of one."""

import tempfile
from pathlib import Path

from lsp_analysis import durable
from lsp_analysis.errors import ReportError
from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.job.template import EXPECTED, load_template
from lsp_analysis.reports.run.runner import run_report
from lsp_analysis.resources import resource
from lsp_analysis.study.store import open_study
from lsp_analysis.wording import counted


def new_template(path: str | Path) -> Path:
    """Write a commented report notebook and its house style file to start from.

    Parameters
    ----------
    path : str or Path
        Where the notebook goes; its name ends in ``.ipynb``. Its style file lies beside it.

    Raises
    ------
    ReportError
        The name ends otherwise, or one of the two files is there already: nothing is written.
    """
    target = Path(path)
    if target.suffix != ".ipynb":
        raise ReportError(f'A template is a notebook: write "{target.stem or "ours"}.ipynb".')
    style = target.with_suffix(".toml")
    for file in (target, style):
        if file.exists():
            raise ReportError(f"{file} is there already. Choose another name, or move it away.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        durable.replace_file(style, resource("reports/template/house_style.toml").read_bytes())
        notebook = resource("notebooks/reports/own_template.ipynb").read_bytes()
        durable.replace_file(target, notebook)
    except OSError as error:
        style.unlink(missing_ok=True)
        raise ReportError(f"{target} cannot be written: {error.strerror}.") from error
    return target


def check_template(path: str | Path, study: str = "bolton_demo") -> str:
    """Make a page from a template and say what it shows, or why it is none.

    Parameters
    ----------
    path : str or Path
        The notebook.
    study : str
        Study to try it on, with the template's own default area, else the study's main one.

    Returns
    -------
    str
        What the page has: title, figures, tables and sentences.

    Raises
    ------
    ReportError
        The template breaks the contract of ``docs/templates.md``; the message says where.
    """
    template = load_template(str(path))
    area = open_study(study).main_area(str(template.parameters["area"].default)).code
    with tempfile.TemporaryDirectory(prefix="lsp-template-") as folder:
        record = run_report(study, Entry(area, template=path), out=folder)
        size = record.page.stat().st_size
    shows = [counted(getattr(record, kinds), kinds.removesuffix("s")) for kinds in EXPECTED]
    headline = f'Its headline: "{record.headline}"' if record.headline else "It has no headline."
    style = " with its house style" if template.house else ""
    return (
        f"{Path(path).name} makes a page{style} on {record.label}: {', '.join(shows)}, "
        f"{size / 1000:,.0f} kB. {headline}"
    )
