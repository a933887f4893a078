"""Publishers' files: downloaded, told by their headings, and made into a study."""

import lazy_loader

_HOME = {
    "Imported": "importer",
    "import_study": "importer",
    "Fetched": "fetch",
    "fetch_borough": "fetch",
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()},
)
