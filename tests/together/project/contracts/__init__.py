"""This program's own contracts, which fakefal must not hide."""
