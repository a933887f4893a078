"""Charts, one module a family: plain frames in, axes out."""
