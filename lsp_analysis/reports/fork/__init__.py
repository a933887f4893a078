"""The warm parent process and the forks that make reports."""
