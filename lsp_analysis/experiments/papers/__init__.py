"""Pages and files for readers."""
