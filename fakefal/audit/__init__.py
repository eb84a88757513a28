"""The audit: a program is run once for each way in which each of its calls can fail."""
