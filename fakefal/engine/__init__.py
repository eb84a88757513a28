"""What drives requests: acceptance, judgements, the waker, webhooks, and the emulator that ties them together."""
