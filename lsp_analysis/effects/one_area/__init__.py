"""The effect on one treated neighbourhood: expectation from the past, rank among placebo areas."""
