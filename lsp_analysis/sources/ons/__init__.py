"""Lookups, boundaries and populations of the Office for National Statistics."""
