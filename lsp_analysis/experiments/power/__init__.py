"""How large an experiment must be."""
