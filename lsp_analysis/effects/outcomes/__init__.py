"""A programme and all its outcomes: what a study's pages and notebooks say of it."""
