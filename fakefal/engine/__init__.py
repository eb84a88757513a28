"""What drives requests: acceptance, verdicts, the waker, webhooks, and the emulator that ties them together."""
