"""The report of a run: one file to keep."""
