"""Exchanges with the service: what they are, how they are kept without secrets, how they are answered from."""
