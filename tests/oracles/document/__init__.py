"""The emulator against its own OpenAPI document, by Schemathesis."""
