"""Disclosure control: no small count of people leaves a study unprotected."""
