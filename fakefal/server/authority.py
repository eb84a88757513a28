"""A certificate authority for one run.

Its key stays in memory; only its certificate, which is public, is written to a file. It is never added to the trust
store of a system: environment variables point programs at it. If its key leaked, it could vouch for fal's names and
loopback only, because its name constraints are critical (RFC 5280, 4.2.1.10).
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

from fakefal.server.redirection import is_below
from fakefal_contracts.hosts import DOMAINS

BUNDLE_VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "DENO_CERT",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "HTTPLIB2_CA_CERTS",
)
"""The variables that point programs with a trust store of their own to another one."""

LOCAL_ADDRESSES = ("127.0.0.1", "::1")
LOCAL_DOMAINS = ("localhost",)
LOCAL_NETWORKS = ("127.0.0.0/8", "::1/128")
MOST_NAMES = 256
"""The number of requested names whose certificates are kept."""

BEGINS, ENDS = datetime(2000, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
"""The same dates as trustme's certificates, because tests freeze clocks anywhere."""


class Authority:
    """Issues a certificate for each name of fal's or of this machine on request, at any depth of subdomains.

    One certificate for all names would mix wildcards and addresses, which the TLS of Bun and Deno refuses under name
    constraints.

    Args:
        names: further names and addresses of the server.
    """

    def __init__(self, *names: str) -> None:
        import trustme  # late: a server without TLS does not need it

        self._domains = (*DOMAINS, *LOCAL_DOMAINS, *(name.lower() for name in names if _network(name) is None))
        self._addresses = (*LOCAL_ADDRESSES, *(name for name in names if _network(name)))
        self._ca = trustme.CA.from_pem(*_constrained_root(self._domains, (*LOCAL_NETWORKS, *self._addresses)))
        self._by_name = lru_cache(MOST_NAMES)(self._context)

    @property
    def certificate(self) -> bytes:
        """The authority's certificate as PEM, for programs that must trust it."""
        return self._ca.cert_pem.bytes()

    def server_context(self) -> ssl.SSLContext:
        """The TLS context of a listener; HTTP/1.1 only."""
        context = self._context(*self._addresses)
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        """Use the certificate of the requested name; a caller that sends no name used an address."""
        if name is not None and is_below(name.lower(), self._domains):
            with suppress(ValueError):  # a name for which no certificate is possible
                connection.context = self._by_name(name.lower())

    def _context(self, *names: str) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.set_alpn_protocols(["http/1.1"])
        self._ca.issue_cert(*dict.fromkeys(names)).configure_cert(context)
        return context


def _constrained_root(domains: Iterable[str], networks: Iterable[str]) -> tuple[bytes, bytes]:
    """A new root certificate and its key as PEM, limited to names in these domains and addresses in these networks."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    named = [(x509.NameOID.ORGANIZATION_NAME, "fakefal"), (x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "only for this run")]
    subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in named])
    names = [x509.DNSName(domain) for domain in domains]
    addresses = [x509.IPAddress(ip_network(network)) for network in networks]
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
        .add_extension(x509.NameConstraints([*names, *addresses], None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return certificate.public_bytes(pem), key.private_bytes(pem, *plain)


def _network(name: str) -> IPv4Network | IPv6Network | None:
    """The network of a name, if the name is an address."""
    try:
        return ip_network(name)
    except ValueError:
        return None


def merged_bundle(environ: Mapping[str, str], authority: bytes) -> bytes:
    """All certificates that a program trusted before, and the run's authority.

    ``SSL_CERT_FILE`` replaces a trust store instead of adding to it, so the bundle includes that store.
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
