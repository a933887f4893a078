"""Run functions in forks of this process, each under a deadline and a memory limit.

For a process with one thread (Linux): the functions find everything it has loaded, and nothing
they do reaches it or each other. What a fork answers counts only when it is whole, so a fork that
is killed, or leaves by ``os._exit(0)``, has failed. Limits are enforced here, outside the fork.
"""

import contextlib
import ctypes
import os
import select
import signal
import struct
import time
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field, replace

from lsp_analysis.errors import LspError
from lsp_analysis.reports.fork.process import children, family, megabytes_of
from lsp_analysis.reports.job.request import Limits

LOOK = 0.1  # seconds between two looks at the forks' clocks and memory
SLACK = 512 * 2**20  # address space a report may reserve beyond its limit without using it
CLEARING = 5.0  # seconds to go on killing what a report left, before the next one may start
UNHEARD = 70  # exit status of a fork that had an answer and could not send it
_HEAD = struct.Struct("!?Q")
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


@dataclass(frozen=True)
class Outcome:
    """What became of one fork."""

    answer: bytes = b""
    fault: str = ""  # why there is no answer, in a sentence
    killed: bool = False  # by another hand: worth a second try
    seconds: float = 0.0
    megabytes: float = 0.0  # the most it held


@dataclass
class _Fork:
    ticket: Hashable
    pid: int
    pipe: int
    limits: Limits
    began: float
    received: bytearray = field(default_factory=bytearray)
    fault: str = ""

    def answer(self) -> Outcome | None:
        """What it sent, once that is whole."""
        if len(self.received) < _HEAD.size:
            return None
        good, length = _HEAD.unpack_from(self.received)
        content = bytes(self.received[_HEAD.size :])
        if len(content) < length:
            return None
        return Outcome(answer=content) if good else Outcome(fault=content.decode())


class Forks:
    """The forks of this process that are at work."""

    def __init__(self, private: Collection[int] = (), *, adopting: bool = False) -> None:
        """`private` are descriptors that no fork may keep open.

        With `adopting`, for a process that has no other children, what a fork started and let go
        (a daemon, in a session of its own) ends with that fork too.
        """
        self._running: dict[int, _Fork] = {}
        self._private = set(private)
        self._adopting = adopting
        if adopting:
            _control(_PR_SET_CHILD_SUBREAPER, 1)

    def __len__(self) -> int:
        """How many are at work."""
        return len(self._running)

    def start(
        self, ticket: Hashable, work: Callable[[], bytes], limits: Limits, log: str = os.devnull
    ) -> None:
        """Run `work` in a fork whose own output goes to the file `log`; see `collect`."""
        ours, theirs = os.pipe()
        try:
            pid = os.fork()
        except OSError:
            os.close(ours)
            os.close(theirs)
            raise
        if pid == 0:
            try:
                self._become(work, theirs, limits, log)
                os._exit(0)  # without anything its parent would do at its end
            finally:
                os._exit(UNHEARD)
        os.close(theirs)
        os.set_blocking(ours, False)
        self._running[pid] = _Fork(ticket, pid, ours, limits, time.monotonic())

    def collect(
        self, timeout: float, listen: Collection[int] = ()
    ) -> tuple[list[tuple[Hashable, Outcome]], list[int]]:
        """Wait until a fork is done, a descriptor of `listen` can be read, or `timeout` is over.

        Returns the tickets and outcomes of the forks that are done, and the readable descriptors.
        """
        until = time.monotonic() + timeout
        while True:
            pipes = {fork.pipe: fork for fork in self._running.values()}
            patience = max(0.0, min(LOOK, until - time.monotonic()))
            ready, _, _ = select.select([*pipes, *listen], [], [], patience)
            for pipe in ready:
                if pipe in pipes:
                    self._receive(pipes[pipe])
            done = [self._bury(fork) for fork in list(self._running.values()) if self._ended(fork)]
            heard = [one for one in ready if one in listen]
            if done or heard or time.monotonic() >= until:
                return done, heard

    def stop(self) -> None:
        """Kill all that are at work."""
        for fork in list(self._running.values()):
            _kill(fork.pid)
            self._bury(fork)

    def _end_orphans(self) -> None:
        """End what the forks that are gone have left to this process."""
        until = time.monotonic() + CLEARING
        while orphans := set(children(os.getpid())) - self._running.keys():
            for one in orphans:
                _kill(one)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(one, os.WNOHANG)
            if time.monotonic() > until:  # one that cannot be killed now; the next look will
                return
            time.sleep(0.001)

    def _become(self, work: Callable[[], bytes], pipe: int, limits: Limits, log: str) -> None:
        """Be the fork: run `work` alone and send what it answers."""
        own, at_first = os.getpid(), _file_of(pipe)
        try:
            _settle(limits, log)
            for other in self._private | {fork.pipe for fork in self._running.values()}:
                with contextlib.suppress(OSError):
                    os.close(other)
            good, content = True, work()
        except LspError as error:
            good, content = False, str(error).encode()
        except MemoryError:
            good, content = False, b"It needed more memory than it may have."
        except BaseException as error:
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            good, content = False, said.rstrip(".: ").encode(errors="replace") + b"."
        if os.getpid() == own:  # else a cell forked, and this is its child come back
            view = memoryview(_HEAD.pack(good, len(content)) + content)
            if _file_of(pipe) != at_first:  # a cell may close it, and another file take its place
                raise OSError("the pipe was replaced")
            while view:
                view = view[os.write(pipe, view) :]

    def _receive(self, fork: _Fork) -> None:
        with contextlib.suppress(BlockingIOError):
            while part := os.read(fork.pipe, 1 << 16):
                fork.received += part

    def _ended(self, fork: _Fork) -> bool:
        """Whether `fork` is done, has died, or has just been stopped."""
        if fork.answer():
            return True
        if _is_dead(fork.pid):
            self._receive(fork)
            return True
        if time.monotonic() > fork.began + fork.limits.seconds:
            fork.fault = fork.limits.over_time()
        elif (held := megabytes_of(fork.pid)) > fork.limits.megabytes:
            fork.fault = fork.limits.over_memory(held)
        return bool(fork.fault)

    def _bury(self, fork: _Fork) -> tuple[Hashable, Outcome]:
        """End `fork` and whatever it started, and tell what became of it."""
        answer = fork.answer()
        died_by_itself = _is_dead(fork.pid)
        _kill(fork.pid)
        _, status, usage = os.wait4(fork.pid, 0)
        os.close(fork.pipe)
        del self._running[fork.pid]
        if self._adopting:
            self._end_orphans()
        if not answer:
            code = os.waitstatus_to_exitcode(status)
            killed = died_by_itself and code < 0
            answer = Outcome(fault=fork.fault or _manner(code), killed=killed)
        held = usage.ru_maxrss * 1024 / 1e6
        spent = time.monotonic() - fork.began
        return fork.ticket, replace(answer, seconds=spent, megabytes=held)


def _manner(code: int) -> str:
    """How a fork ended that answered nothing."""
    if code == UNHEARD:
        return (
            "Its process could not hand over what the cells did: one of them closed files, or "
            "changed built-in functions, that are not its own."
        )
    if code >= 0:
        return f"Its process left before the last cell was done (exit status {code})."
    name = _NAMES.get(-code, f"signal {-code}")
    if name in CRASHES:
        return f"Its process crashed ({name}) in one of the libraries that the cells used."
    perhaps = ", perhaps because the machine ran out of memory" if -code == signal.SIGKILL else ""
    return f"Its process was killed ({name}){perhaps}."


_NAMES = {int(one): one.name for one in signal.Signals}
CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL")


def _settle(limits: Limits, log: str) -> None:
    """Cut a new fork loose: own session, own output, default signals, dies with its parent."""
    import resource

    os.setsid()
    _control(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _control(_PR_SET_CHILD_SUBREAPER, 1)  # so that its limits count what lets go of its parent
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    except OSError:
        output = os.open(os.devnull, os.O_WRONLY)
    for target, source in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
        os.dup2(source, target)
    # Memory: refuse at once what the look from outside would find a moment later.
    most = int(limits.megabytes * 1e6) + SLACK
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _control(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value)


def _file_of(pipe: int) -> tuple[int, int]:
    state = os.fstat(pipe)
    return state.st_dev, state.st_ino


def _is_dead(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill(pid: int) -> None:
    """Kill a fork that has not been waited for, and all it started."""
    for one in reversed(family(pid)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(one, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
