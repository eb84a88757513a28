"""The stores of requests and files."""
