"""Plain frames in, axes out."""
