"""How far a batch has come, and how much longer it will take."""

from __future__ import annotations

import time

from lsp_analysis.wording import counted


class Progress:
    """Counts reports as they are done."""

    def __init__(self, total: int) -> None:
        """Start the clock on `total` reports."""
        self.total, self.done, self.failed = total, 0, 0
        self._began = time.monotonic()

    def step(self, *, failed: bool) -> str:
        """Count one report and say how things stand, in one line."""
        self.done += 1
        self.failed += failed
        parts = [f"{self.done} of {self.total}"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.done < self.total:
            parts.append(f"{_duration(self._left())} left")
        return ", ".join(parts)

    def _left(self) -> float:
        spent = time.monotonic() - self._began
        return spent / self.done * (self.total - self.done)


def _duration(seconds: float) -> str:
    """A time to come, no more exact than it is known."""
    if seconds < 90:
        return "less than a minute" if seconds < 45 else "a minute"
    if seconds < 5400:
        return counted(round(seconds / 60), "minute")
    return counted(round(seconds / 3600), "hour")
