"""The ASGI application and what serves it: sockets, TLS, the proxy for child programs, worker processes."""
