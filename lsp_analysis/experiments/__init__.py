"""What do we need to do differently? Experiments from protocol to decision."""
