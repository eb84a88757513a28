"""``python -m fakefal``."""

from fakefal.cli import main

main()
