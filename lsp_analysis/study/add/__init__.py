"""An analyst's own tables into a study, and a new study to start from."""
