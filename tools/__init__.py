"""Programs for maintainers, run in a checkout; not part of the wheel."""
