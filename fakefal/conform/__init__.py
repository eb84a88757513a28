"""One suite against any target: what the contracts and fal's wire say, asked of whoever answers over HTTP."""
