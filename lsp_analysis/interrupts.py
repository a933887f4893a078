"""A polite request to end (SIGTERM, a closed terminal) taken like Ctrl-C, to end tidily."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_REQUESTS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def as_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt within when this process is asked to end; once, and not twice.

    A request that whoever started this process had it ignore (``nohup``) stays ignored. Outside
    the main thread nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in _REQUESTS}
    heeded = [one for one, handler in before.items() if handler not in (signal.SIG_IGN, None)]

    def interrupt(*_: object) -> None:
        for one in heeded:
            signal.signal(one, signal.SIG_IGN)  # what tidies up is not stopped by a second one
        raise KeyboardInterrupt

    for one in heeded:
        signal.signal(one, interrupt)
    try:
        yield
    finally:
        for one in heeded:
            signal.signal(one, before[one])
