"""The queue as arithmetic, without I/O, a clock or randomness of its own."""
