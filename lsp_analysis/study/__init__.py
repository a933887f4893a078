"""The study folder: what the package reads and writes."""

import lazy_loader

_HOME = {
    "Study": "store",
    "open_study": "store",
    "write_study": "write",
    "check_study": "check.whole_study",
    "new_study": "add.adding",
    "add_table": "add.adding",
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()},
)
