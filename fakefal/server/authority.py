"""A certificate authority for one run.

Its key stays in memory; only the certificate of the authority, which is public, is written out.  It is
never put into any system's trust store: programs are pointed at it by their environment.  Should its key leak, it
vouches for fal's names and loopback only: critical name constraints say so (RFC 5280, 4.2.1.10).
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from fakefal_contracts.hosts import DOMAINS, HOSTS, is_fal_host

BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
LOCAL_NAMES = ("localhost", "*.localhost", "127.0.0.1", "::1")
LOCAL_DOMAINS = ("localhost",)
LOCAL_NETWORKS = ("127.0.0.0/8", "::1/128")
MOST_NAMES = 256
"""So many asked names keep their certificate."""

BEGINS, ENDS = datetime(2000, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
"""As trustme's certificates: tests freeze clocks anywhere."""


class Authority:
    """Issues one certificate for known hosts of fal's and for loopback, and others when they are asked for.

    Args:
        names: further names that the server is reached by.
    """

    def __init__(self, *names: str) -> None:
        import trustme  # late: a server without TLS needs none of it

        self._ca = trustme.CA.from_pem(*_constrained_root((*DOMAINS, *LOCAL_DOMAINS, *names)))
        wildcards = [f"*.{domain}" for domain in DOMAINS]
        self._names = dict.fromkeys((*HOSTS, *DOMAINS, *wildcards, *LOCAL_NAMES, *names))
        self._by_name = lru_cache(MOST_NAMES)(self._context)

    @property
    def certificate(self) -> bytes:
        """The authority's certificate as PEM, for those who shall trust it."""
        return self._ca.cert_pem.bytes()

    def server_context(self) -> ssl.SSLContext:
        """What a TLS listener needs; HTTP/1.1 only."""
        context = self._context(*self._names)
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        """Take the asked name's own certificate where the common one does not cover it: a wildcard is one label."""
        if name is None or not is_fal_host(name) or name in self._names or name.partition(".")[2] in DOMAINS:
            return
        with suppress(ValueError):  # a name that no certificate can have
            connection.context = self._by_name(name.lower())

    def _context(self, *names: str) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.set_alpn_protocols(["http/1.1"])
        self._ca.issue_cert(*names).configure_cert(context)
        return context


def _constrained_root(names: Iterable[str]) -> tuple[bytes, bytes]:
    """A new root and its key as PEM; it can vouch for these names, those below them, and loopback addresses."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    named = [(x509.NameOID.ORGANIZATION_NAME, "fakefal"), (x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "only for this run")]
    subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in named])
    networks = {name: _network(name) for name in (*LOCAL_NETWORKS, *names)}
    permitted = [
        x509.DNSName(name) if network is None else x509.IPAddress(network) for name, network in networks.items()
    ]
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), BEGINS, ENDS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return certificate.public_bytes(pem), key.private_bytes(pem, *plain)


def _network(name: str) -> IPv4Network | IPv6Network | None:
    """A name that is an address, as the network of one that constraints are written in."""
    try:
        return ip_network(name)
    except ValueError:
        return None


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
