"""Crimes, outcomes and searches of data.police.uk."""
