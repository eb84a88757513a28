"""A certificate authority for one run.

Its key stays in memory; only the certificate of the authority, which is public, is written out.  It is
never put into any system's trust store: programs are pointed at it by their environment.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from pathlib import Path

from fakefal_contracts.hosts import DOMAINS, HOSTS

BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
LOCAL_NAMES = ("localhost", "*.localhost", "127.0.0.1", "::1")


class Authority:
    """Issues one certificate for every host of fal's and for loopback.

    Args:
        names: further names that the server is reached by.
    """

    def __init__(self, *names: str) -> None:
        import trustme  # late: a server without TLS needs none of it

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


def merged_bundle(environ: Mapping[str, str], authority: bytes) -> bytes:
    """All that a program trusted before, and the run's authority.

    ``SSL_CERT_FILE`` replaces a trust store rather than adding to it, so the store goes in as well.
    """
    import certifi

    default = ssl.get_default_verify_paths().cafile
    sources = [certifi.where(), *(environ.get(name) for name in BUNDLE_VARIABLES), default]
    places = [Path(source) for source in dict.fromkeys(sources) if source]
    trusted = [file for place in places for file in (place.iterdir() if place.is_dir() else [place]) if file.is_file()]
    bundles = [file.read_bytes() for file in trusted]
    blocks = dict.fromkeys(
        block
        for bundle in (*bundles, authority)
        for block in re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", bundle, re.DOTALL)
    )
    return b"\n".join(blocks) + b"\n"
