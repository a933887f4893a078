"""Regressions of panels and series: difference-in-differences, event studies, series."""
