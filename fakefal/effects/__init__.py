"""Effects: which effects exist, and which call gets which."""
