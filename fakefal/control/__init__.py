"""The control API under ``/_fakefal/``: for the developer and the tests, never for the program."""
