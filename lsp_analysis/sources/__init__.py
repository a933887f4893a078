"""Publishers' files: downloaded, told by their headings, and made into a study."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "importer": ["Imported", "import_study"],
        "fetch": ["Fetched", "fetch_borough"],
    },
)
