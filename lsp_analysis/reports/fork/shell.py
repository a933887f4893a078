"""Run a notebook's cells in this very process, with the outputs a Jupyter kernel would give.

Meant for a process made for one report: the shell replaces ``__main__`` and the standard streams.
No kernel is started and no socket opened.
"""

import base64
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets.config import Config

from lsp_analysis.reports.fork.process import INLINE

SKIPPED = "skip-execution"  # the tag nbclient honours too

_SETTINGS = Config(
    {
        "IPKernelApp": {},  # its presence tells libraries that they draw for a notebook
        "HistoryManager": {"enabled": False},
        "InteractiveShell": {"colors": "linux", "history_length": 0},
    }
)


class Recorder:
    """Collects what one cell shows, as nbclient does from a kernel's messages."""

    def __init__(self) -> None:
        """Start with no cell; `start` begins one."""
        self.outputs: list[NotebookNode] = []
        self._written: list[str] = []  # to the last output, and not joined to it yet
        self._shown: dict[str, list[NotebookNode]] = {}
        self._clear_next = False

    def start(self) -> list[NotebookNode]:
        """Begin a cell; its outputs gather in the list returned."""
        self.settle()
        self.outputs, self._clear_next = [], False
        return self.outputs

    def add(self, kind: str, display_id: str = "", **content: Any) -> None:
        """Add one output; a `display_id` lets a later cell update it."""
        self.settle()
        if self._clear_next:
            self.clear()
        output = new_output(kind, **json.loads(json.dumps(content, default=_plain)))
        self.outputs.append(output)
        if display_id:
            self._shown.setdefault(display_id, []).append(output)

    def update(self, display_id: str, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Change what was shown before under `display_id`."""
        for output in self._shown.get(display_id, []):
            output.update(new_output("display_data", data=data, metadata=metadata))

    def write(self, name: str, text: str) -> None:
        """Add text of the stream `name`, joined to what it just wrote."""
        if self._clear_next:
            self.clear()
        last = self.outputs[-1] if self.outputs else None
        if last is not None and last.output_type == "stream" and last.name == name:
            self._written.append(text)  # a million lines are joined once, not each to all before
        elif text:
            self.settle()
            self.outputs.append(new_output("stream", name=name, text=text))

    def settle(self) -> None:
        """Join what was written last to its output."""
        written, self._written = self._written, []
        if written:
            self.outputs[-1].text += "".join(written)

    def clear(self, wait: bool = False) -> None:
        """Drop the cell's outputs, with `wait` not before the next one comes."""
        self._clear_next = wait
        if not wait:
            self._written.clear()
            self.outputs.clear()


def _plain(value: Any) -> Any:
    """Pictures as base64 and dates as text, like Jupyter's own messages."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be shown in a notebook.")


class _Stream(io.TextIOBase):
    """Standard output or error of a cell."""

    encoding = "utf-8"

    def __init__(self, name: str, recorder: Recorder) -> None:
        self.name, self._recorder = name, recorder

    def write(self, text: str) -> int:
        """Record `text`."""
        self._recorder.write(self.name, str(text))
        return len(text)

    def writable(self) -> bool:
        """A stream is written to."""
        return True


class _Publisher(DisplayPublisher):
    """Receives ``display(...)``."""

    def publish(self, data, metadata=None, *, transient=None, update=False, **_):
        """Record one output, or change an earlier one."""
        display_id = (transient or {}).get("display_id", "")
        if update:
            self.shell.recorder.update(display_id, data, metadata or {})
        else:
            self.shell.recorder.add("display_data", display_id, data=data, metadata=metadata or {})

    def clear_output(self, wait=False):
        """Drop what the cell has shown."""
        self.shell.recorder.clear(wait)


class _Hook(DisplayHook):
    """Receives the value a cell ends with."""

    def write_output_prompt(self):
        """The number is part of the output."""

    def write_format_data(self, format_dict, md_dict=None):
        """Record the value in all its formats."""
        count = self.prompt_count
        self.shell.recorder.add(
            "execute_result", data=format_dict, metadata=md_dict or {}, execution_count=count
        )

    def finish_displayhook(self):
        """Nothing to flush."""
        self._is_active = False


class ReportShell(InteractiveShell):
    """IPython that records what a terminal or a kernel would show."""

    def __init__(self) -> None:
        """Create the shell; one process can have one."""
        self.recorder = Recorder()
        super().__init__(
            config=_SETTINGS, display_pub_class=_Publisher, displayhook_class=_Hook, banner1=""
        )

    def _showtraceback(self, etype, evalue, stb):
        self.recorder.add(
            "error", ename=str(etype.__name__), evalue=str(evalue), traceback=list(stb)
        )

    def init_virtualenv(self):
        """This process already runs in the right environment."""

    def enable_gui(self, gui=None):
        """No windows here."""

    def ask_exit(self):
        """``exit`` in a cell ends the report there, which is a failure and not a success."""
        raise SystemExit("a cell called exit")


def run_cells(notebook: NotebookNode) -> NotebookNode:
    """Run the code cells of `notebook` in order, in this process, until one fails.

    Outputs and execution counts are written into `notebook`, which is returned.
    """
    with _report_shell() as shell:
        for cell in notebook.cells:
            is_code = cell.cell_type == "code" and cell.source.strip()
            if is_code and SKIPPED not in cell.metadata.get("tags", []) and not _run(shell, cell):
                break
    return notebook


def _run(shell: ReportShell, cell: NotebookNode) -> bool:
    """Run one cell and say whether the notebook may go on."""
    cell.outputs = shell.recorder.start()
    cell.execution_count = shell.execution_count
    try:
        result = shell.run_cell(cell.source, store_history=True, cell_id=cell.get("id"))
    except Exception as error:
        told = f"{error} (an earlier cell changed sys.stdout, sys.stderr or IPython itself)"
        shell.recorder.add("error", ename=type(error).__name__, evalue=told, traceback=[told])
        return False
    finally:
        shell.recorder.settle()
    tolerated = "raises-exception" in cell.metadata.get("tags", [])
    return result.success or tolerated


@contextmanager
def _report_shell() -> Iterator[ReportShell]:
    """The process's one shell, with the standard streams and matplotlib pointed at it."""
    streams = sys.stdout, sys.stderr
    shell = ReportShell.instance()
    shell.builtin_trap.add_builtin("input", _no_input)
    sys.stdout, sys.stderr = (_Stream(name, shell.recorder) for name in ("stdout", "stderr"))
    _draw_inline(shell)
    try:
        with shell.builtin_trap, shell.display_trap:
            yield shell
    finally:
        sys.stdout, sys.stderr = streams


def _no_input(prompt: object = "") -> str:
    raise StdinNotImplementedError("A report runs unattended: a cell asked for input.")


def _draw_inline(shell: ReportShell) -> None:
    """Let pyplot, if it was loaded before the fork, show its figures in this shell.

    It looked for a shell when it was loaded and found none; left alone, it would draw every
    figure to nowhere in silence. When a cell loads it later it finds the shell by itself.
    """
    if "matplotlib.pyplot" not in sys.modules:
        return
    from IPython.core.pylabtools import activate_matplotlib
    from matplotlib_inline import backend_inline

    sys.modules["matplotlib.pyplot"].close("all")
    activate_matplotlib(INLINE)
    backend_inline.configure_inline_support.current_backend = "unset"
    backend_inline.configure_inline_support(shell, INLINE)
