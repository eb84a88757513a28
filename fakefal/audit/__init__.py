"""The audit: runs a program once for each way in which each of its calls can fail."""
