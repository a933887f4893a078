"""Publishers' native files into a study folder, one module per format."""

from lsp_analysis.sources.importer import import_study

__all__ = ["import_study"]
