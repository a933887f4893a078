"""From outcomes to findings."""
