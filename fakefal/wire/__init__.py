"""fal's HTTP, part by part: paths, status codes, headers and bodies."""
