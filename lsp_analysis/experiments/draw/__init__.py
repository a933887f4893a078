"""Random allocations that anyone can repeat."""
