"""The ASGI application and its server: sockets, TLS, the proxy for child programs and worker processes."""
