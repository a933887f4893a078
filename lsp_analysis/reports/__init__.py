"""Reports in batch: running, recording, rendering."""
