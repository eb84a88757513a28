"""The queue as arithmetic: no I/O, no clock, no randomness of its own."""
