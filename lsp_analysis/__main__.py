"""``python -m lsp_analysis``: the same as ``lsp-analysis``."""

import sys

from lsp_analysis.cli import main

if __name__ == "__main__":
    sys.exit(main())
