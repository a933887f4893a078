"""One area for its page: who lives there, how it compares, where in the borough things are."""
