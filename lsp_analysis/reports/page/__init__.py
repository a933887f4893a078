"""From executed notebook to HTML page, PDF and index."""
