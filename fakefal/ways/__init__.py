"""Ways for unmodified programs to reach the emulator: certificates, an HTTPS proxy, a child's environment."""
