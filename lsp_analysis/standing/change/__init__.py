"""Through time: gaps and whether they narrow, trends, process charts, two aims at once."""
