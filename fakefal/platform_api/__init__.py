"""fal's Platform API (https://api.fal.ai/v1)."""
