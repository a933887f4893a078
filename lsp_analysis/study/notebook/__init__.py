"""What a study shows of itself in a notebook, and what it asks of one."""
