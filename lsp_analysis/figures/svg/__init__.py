"""Charts as SVG for a page: plain numbers in, markup out, with text of one size at any width."""
