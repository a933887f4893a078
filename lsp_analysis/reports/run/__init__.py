"""Making reports: engines, from one notebook to a cluster."""
