"""Where are we at? Rates, baselines, gaps and trends."""
