"""Weighted comparison areas: synthetic control, synthetic DiD, calibration."""
