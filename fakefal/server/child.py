"""The environment of a child of ``fakefal run``: every road to fal leads to the emulator."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from fakefal.server.authority import BUNDLE_VARIABLES, merged_bundle
from fakefal_contracts.hosts import DOMAINS, HOSTS, host_name, is_fal_host

FAKE_KEY = "fakefal-run:not-a-real-key"
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
REMOVED = ("FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_FORCE_AUTH_BY_USER", "FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST")
LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class ChildAddresses:
    """Where the emulator listens for a child, and a folder for what the child has to read."""

    url: str
    plain_port: int
    tls_port: int
    proxy_port: int
    folder: Path
    authority: bytes


def child_environment(environ: Mapping[str, str], addresses: ChildAddresses, *, key: str = FAKE_KEY) -> dict[str, str]:
    """The environment for a program that believes it speaks to fal; `key` is its ``FAL_KEY``.

    Writes the certificate bundle and an empty ``FAL_HOME_DIR`` into the roads' folder.
    """
    child = {name: value for name, value in environ.items() if name.upper() not in REMOVED}
    for name in [name for name in child if name.upper().endswith("_PROXY")]:
        del child[name]  # ws_proxy, socks_proxy and others would lead past ours
    proxy = f"http://127.0.0.1:{addresses.proxy_port}"
    for name in PROXY_VARIABLES:
        child[name] = child[name.lower()] = proxy
    child["NO_PROXY"] = child["no_proxy"] = _no_proxy(environ)
    bundle = addresses.folder / "certificates.pem"
    bundle.write_bytes(merged_bundle(environ, addresses.authority))
    child.update(dict.fromkeys(BUNDLE_VARIABLES, str(bundle)))
    home = addresses.folder / "fal-home"
    home.mkdir(exist_ok=True)
    child["FAL_KEY"] = key
    child["FAL_HOME_DIR"] = str(home)
    child["FAKEFAL_URL"] = addresses.url
    child["NODE_OPTIONS"] = _node_options(environ, _preload(addresses))
    return child


def _no_proxy(environ: Mapping[str, str]) -> str:
    """The user's exceptions without fal's hosts and ``*``, plus loopback."""
    given = f"{environ.get('NO_PROXY', '')},{environ.get('no_proxy', '')}"
    kept = [name for name in re.split(r"[,\s]+", given) if name and not _covers_fal(name)]
    return ",".join(dict.fromkeys((*kept, *LOCAL)))


def _covers_fal(name: str) -> bool:
    """Whether an exception would let calls to fal past the proxy, as a host or as a suffix such as ``ai``."""
    bare = host_name(name.rpartition("://")[2]).lstrip("*.")
    # some programs compare plain suffixes, without regard for dots
    return not bare or is_fal_host(bare) or any(host.endswith(bare) for host in (*HOSTS, *DOMAINS))


def _preload(addresses: ChildAddresses) -> Path:
    """The preload with this run's ports written into it: a worker may be given another environment."""
    template = files("fakefal.server").joinpath("preload.cjs").read_text("utf-8")
    facts = {"tlsPort": addresses.tls_port, "plainPort": addresses.plain_port, "domains": DOMAINS}
    path = addresses.folder / "preload.cjs"
    path.write_text(template.replace("const run = null;", f"const run = {json.dumps(facts)};"), "utf-8")
    return path


def _node_options(environ: Mapping[str, str], preload: Path) -> str:
    """The user's own options and the preload; a path with a space needs inner quotes."""
    path = os.fspath(preload)
    quoted = '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{environ.get('NODE_OPTIONS', '')} --require {quoted}".strip()
