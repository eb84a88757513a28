"""The validating proxy in front of fal: checks, prices, passes on, records and compares."""
