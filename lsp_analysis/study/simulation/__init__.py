"""Boroughs whose truth is known."""
