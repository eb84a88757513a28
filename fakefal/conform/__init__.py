"""One suite for any target: tests the contracts and fal's HTTP API over HTTP."""
