"""The environment of a child of ``fakefal run``: all its calls to fal reach the emulator."""

from __future__ import annotations

import json
import os
import py_compile
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path

from fakefal.server.authority import BUNDLE_VARIABLES, merged_bundle
from fakefal.server.credentials import FAKE_KEY, faked_credentials
from fakefal.server.redirection import LED_BY, PREPENDED, ascii_name, led_environ
from fakefal.state.temporary import PREFIX
from fakefal_contracts.hosts import DOMAINS, HOSTS, host_name, is_fal_host

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
REMOVED = ("FAL_FORCE_AUTH_BY_USER", "FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST", "FAKEFAL_CALLER")
LOCAL = ("localhost", "127.0.0.1", "::1")

_OF_RUNS = {
    "PYTHONPATH": re.compile(rf"[^:]*/{PREFIX}[^:]*:?"),
    "NODE_OPTIONS": re.compile(rf'--require "[^"]*/{PREFIX}[^"]*" ?'),
    "BUN_OPTIONS": re.compile(rf"--preload=\S*/{PREFIX}\S* ?"),
}
"""What runs and servers add to the variables that keep the user's own parts; its files may be gone."""


@dataclass(frozen=True)
class ChildAddresses:
    """The addresses of the emulator for a child, and a folder for the files that the child reads."""

    url: str
    plain_port: int
    tls_port: int
    proxy_port: int
    folder: Path
    authority: bytes


def child_environment(environ: Mapping[str, str], addresses: ChildAddresses, *, key: str = FAKE_KEY) -> dict[str, str]:
    """The environment for a program that believes it calls fal; `key` is its ``FAL_KEY``.

    Writes the certificate bundle and an empty ``FAL_HOME_DIR`` into the folder of the roads.
    """
    return led_by(environ, leading_files(environ, addresses), key=key)


def led_by(environ: Mapping[str, str], leading: Mapping[str, str], *, key: str = FAKE_KEY) -> dict[str, str]:
    """The environment of a program that these variables lead to the emulator; `key` is its ``FAL_KEY``.

    It has nothing of a run around this one, or of an earlier server.
    """
    faked = {**environ, **faked_credentials(environ, key)}
    child = {name: value for name, value in faked.items() if value is not None and name.upper() not in REMOVED}
    for name in [name for name in child if name.upper().endswith("_PROXY")]:
        del child[name]  # ws_proxy, socks_proxy and others would bypass the emulator
    own = {name: value for name, value in without_runs(child).items() if name not in leading or name in PREPENDED}
    return {**led_environ(own, leading), "FAL_KEY": key}


def without_runs(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment whose `PREPENDED` variables have only the user's own parts."""
    return {name: _OF_RUNS[name].sub("", value) if name in _OF_RUNS else value for name, value in environ.items()}


def leading_files(environ: Mapping[str, str], addresses: ChildAddresses) -> dict[str, str]:
    """Write the files that a program reads, and return the variables that lead it to the emulator by these files."""
    proxy = f"http://127.0.0.1:{addresses.proxy_port}"
    leading = {spelt: proxy for name in PROXY_VARIABLES for spelt in (name, name.lower())}
    leading |= dict.fromkeys(("NO_PROXY", "no_proxy"), no_proxy(environ))
    bundle = addresses.folder / "certificates.pem"
    bundle.write_bytes(merged_bundle(environ, addresses.authority))
    leading |= dict.fromkeys(BUNDLE_VARIABLES, str(bundle))
    home = addresses.folder / "fal-home"
    home.mkdir(exist_ok=True)
    leading |= {"FAL_HOME_DIR": str(home), "FAKEFAL_URL": addresses.url, LED_BY: str(addresses.folder)}
    preload = addresses.folder / "preload.cjs"
    leading["NODE_OPTIONS"] = f"--require {_quoted(preload)}"
    if " " not in str(preload):  # Bun does not support quotes there
        leading["BUN_OPTIONS"] = f"--preload={preload}"
    leading["PYTHONPATH"] = str(addresses.folder / "python")
    _write_preload(preload, addresses, leading)
    _write_sitecustomize(addresses, leading)
    return leading


def no_proxy(environ: Mapping[str, str]) -> str:
    """The user's proxy exceptions without fal's hosts and ``*``, plus loopback."""
    given = f"{environ.get('NO_PROXY', '')},{environ.get('no_proxy', '')}"
    kept = [name for name in re.split(r"[,\s]+", given) if name and not _covers_fal(name)]
    return ",".join(dict.fromkeys((*kept, *LOCAL)))


def _covers_fal(name: str) -> bool:
    """Whether a proxy exception would let calls to fal bypass the proxy, as a host or as a suffix such as ``ai``."""
    plain = ascii_name(name)
    pattern = host_name(re.split(r"[/#]", plain.rpartition("://")[2])[0])
    bare = pattern.partition("?")[0].lstrip("*.")
    # some programs compare plain suffixes without dots, and some accept * and ? anywhere
    covers = not bare or is_fal_host(bare) or any(host.endswith(bare) for host in (*HOSTS, *DOMAINS))
    return covers or any(domain in plain for domain in DOMAINS) or any(fnmatchcase(host, pattern) for host in HOSTS)


def _write_preload(path: Path, addresses: ChildAddresses, leading: Mapping[str, str]) -> None:
    """The redirection that Node and Bun run when they start."""
    ports = {"tlsPort": addresses.tls_port, "plainPort": addresses.plain_port}
    authority = addresses.authority.decode()
    facts = {**ports, "authority": authority, "domains": DOMAINS, "environ": leading, "prepended": PREPENDED}
    facts["ledBy"] = LED_BY
    path.write_text(_filled("preload.cjs", "const run = null;", f"const run = {json.dumps(facts)};"), "utf-8")


def _write_sitecustomize(addresses: ChildAddresses, leading: Mapping[str, str]) -> None:
    """The redirection that Python runs when it starts."""
    facts = {
        "tls_port": addresses.tls_port,
        "plain_port": addresses.plain_port,
        "authority": addresses.authority.decode(),
        "domains": DOMAINS,
        "environ": dict(leading),
    }
    folder = Path(leading["PYTHONPATH"])
    folder.mkdir(exist_ok=True)
    source = _filled("redirection.py", "\nRUN: dict[str, Any] | None = None\n", f"\nRUN = {facts!r}\n")
    path = folder / "sitecustomize.py"
    path.write_text(source, "utf-8")
    py_compile.compile(str(path))  # otherwise each child compiles it, if PYTHONDONTWRITEBYTECODE is set


def _filled(template: str, blank: str, filled: str) -> str:
    """A file that holds the facts of this run, because a grandchild may get another environment."""
    text = files("fakefal.server").joinpath(template).read_text("utf-8")
    before, found, after = text.partition(blank)
    assert found, f"{template} has no {blank}"
    return before + filled + after


def _quoted(path: Path) -> str:
    """A path inside an option's value; a path with a space needs quotes."""
    return '"' + os.fspath(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
