"""The study folder: what the package reads and writes."""
