"""A certificate authority for one run.

Its key stays in memory; only the certificate of the authority, which is public, is written out.  It is
never put into any system's trust store: programs are pointed at it by their environment.
"""

from __future__ import annotations

import ssl

import trustme

from fakefal.hosts import DOMAINS, HOSTS

LOCAL_NAMES = ("localhost", "*.localhost", "127.0.0.1", "::1")


class Authority:
    """Issues one certificate for every host of fal's and for loopback.

    Args:
        names: further names that the server is reached by.
    """

    def __init__(self, *names: str) -> None:
        self._ca = trustme.CA(organization_name="fakefal", organization_unit_name="only for this run")
        wildcards = [f"*.{domain}" for domain in DOMAINS]
        self._leaf = self._ca.issue_cert(*dict.fromkeys((*HOSTS, *DOMAINS, *wildcards, *LOCAL_NAMES, *names)))

    @property
    def certificate(self) -> bytes:
        """The authority's certificate as PEM, for those who shall trust it."""
        return self._ca.cert_pem.bytes()

    def server_context(self) -> ssl.SSLContext:
        """What a TLS listener needs; HTTP/1.1 only."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.set_alpn_protocols(["http/1.1"])
        self._leaf.configure_cert(context)
        return context
