"""Check a study folder: every problem at once, with file, row, column, value and remedy."""
