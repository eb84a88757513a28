"""The emulator's own OpenAPI document: what each of its calls takes, demands and answers."""
