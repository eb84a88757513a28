"""The command ``fakefal``, and ``python -m fakefal``."""

import signal


def program() -> None:
    """Run the command; the keyboard's interrupt ends it without a word from here on, while it is imported, too."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from fakefal.cli import main

    main()


if __name__ == "__main__":
    program()
