"""Recordings: calls and answers of fal, stored without secrets, and replay."""
