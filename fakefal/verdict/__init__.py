"""The verdict: finds mistakes in a program's calls that would cost real money."""
