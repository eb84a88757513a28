"""Effects: what may be asked for, and which call gets which."""
