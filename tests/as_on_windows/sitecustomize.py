"""Python starts with this on its path: this package's modules see what Windows has, and no more.

Other libraries keep what they have, because here they are the ones built for this system.
"""

import builtins
import sys
import types

MISSING_MODULES = {"fcntl", "resource", "termios", "pwd", "grp", "pty", "syslog"}
MISSING_IN = {
    "signal": """SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP SIGIO SIGKILL SIGPIPE SIGPROF SIGQUIT SIGSTOP
    SIGTSTP SIGTTIN SIGTTOU SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ alarm setitimer
    pthread_sigmask pthread_kill sigwait sigpending siginterrupt ITIMER_REAL""",
    "os": """fork forkpty killpg setsid setpgid getpgid getpgrp getuid geteuid getgid getegid
    wait wait3 wait4 waitid WNOHANG WIFEXITED WIFSIGNALED register_at_fork sched_getaffinity
    statvfs fchown chown lchown mkfifo mknod pipe2 openpty nice sync fdatasync posix_fallocate
    posix_fadvise sendfile getloadavg pread pwrite preadv pwritev O_DIRECTORY O_NOFOLLOW O_CLOEXEC
    O_SYNC O_DSYNC uname sysconf memfd_create setrlimit""",
}

_import = builtins.__import__
_seen = {}


def _as_there(name):
    """The module `name` as Windows has it."""
    if name not in _seen:
        real, missing = sys.modules[name], set(MISSING_IN[name].split())
        _seen[name] = types.ModuleType(name)
        vars(_seen[name]).update({k: v for k, v in vars(real).items() if k not in missing})
    return _seen[name]


def _limited(name, globals=None, locals=None, fromlist=(), level=0):
    found = _import(name, globals, locals, fromlist, level)
    asking = (globals or {}).get("__name__", "")
    if level or asking.partition(".")[0] != "lsp_analysis":
        return found
    if name in MISSING_MODULES:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    top = name.partition(".")[0]
    return _as_there(top) if top in MISSING_IN and (name == top or not fromlist) else found


builtins.__import__ = _limited
