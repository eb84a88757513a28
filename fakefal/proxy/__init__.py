"""The validating proxy before the real service: checks, prices, passes on, records, and compares."""
