"""This program's own client, which fakefal must not hide."""
