"""What is planned: the design file, its checks, the list of units."""
