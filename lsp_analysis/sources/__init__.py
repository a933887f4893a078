"""Publishers' native files into a study folder, one module per format."""
