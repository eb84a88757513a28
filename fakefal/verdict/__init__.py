"""The verdict: what a program would have done with real money, told from the calls that it made."""
