"""Redirects Python's connections to fal's hosts to the emulator, for every library.

Look-ups of fal's names return an address of this project, `LED`. Connections to `LED`, or to a name of fal's, go to the
emulator's port instead. TLS connections to a name of fal's also trust the emulator's authority.

This file is used in two ways. Imported, it redirects inside this process from `install` to `uninstall`. Copied to
``sitecustomize.py`` with `RUN` filled in, it redirects a Python child of ``fakefal run`` from its start. So it runs on
Python 3.8, imports nothing of fakefal, and imports a library only after the program does: a child pays only for what
it uses.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing the module typing takes too long for the start of a child
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

LED, LED_BY_RUN = "127.102.97.1", "127.102.97.2"
"""The answer to look-ups: loopback, so that a library that is not redirected meets a closed port."""

PLAIN_PORT = 80
LOOK_UPS = ("gethostbyname", "gethostbyname_ex")
ADDRESS_METHODS = ("connect", "connect_ex", "sendto")  # the functions whose last argument is the address
NAME_POSITIONS = {"wrap_socket": 4, "wrap_bio": 3}  # the position of `server_hostname`, counted without self
MARK = "_leads_to_fakefal"
PREPENDED = {"PYTHONPATH": ":", "NODE_OPTIONS": " ", "BUN_OPTIONS": " "}
LED_BY = "FAKEFAL_LED_BY"
"""The variable that names the run or server which leads a program, by its folder."""
RUN: dict[str, Any] | None = None


class Destination:
    """The emulator's ports on 127.0.0.1.

    Args:
        tls_port: replaces every port except 80.
        plain_port: replaces port 80.
        authority: the certificate that signed the emulator's, as PEM.
    """

    def __init__(self, tls_port: int, plain_port: int, authority: str) -> None:
        self.tls_port = tls_port
        self.plain_port = plain_port
        self.authority = authority

    def address(self, port: object) -> tuple[str, int]:
        """The address to connect to instead of a port of fal's."""
        plain = str(port) in (str(PLAIN_PORT), "http")
        return "127.0.0.1", self.plain_port if plain else self.tls_port


class Redirection:
    """Which connections are redirected, and to which address.

    Args:
        leads: whether a host name is redirected; it gets the name in lower case and ASCII.
        destination: called at each connection; it may start the server then.
        led: the answer to look-ups; redirections of different names must have different values.
    """

    def __init__(self, leads: Callable[[str], bool], destination: Callable[[], Destination], led: str = LED) -> None:
        self.leads = leads
        self.destination = destination
        self.led = led


_redirections: list[Redirection] = []
_patches: list[tuple[Any, str, Any, Any]] = []


def install(redirection: Redirection) -> None:
    """Redirect inside this process until `uninstall`. The newest redirection takes precedence."""
    _redirections.insert(0, redirection)
    if len(_redirections) == 1:
        sys.meta_path.insert(0, _WATCHER)
    _patch_what_is_not()


def uninstall(redirection: Redirection) -> None:
    """Undo a redirection. A patch that somebody else has wrapped since then stays in place, without effect."""
    _redirections.remove(redirection)
    if _redirections:
        _patch_what_is_not()
    else:
        sys.meta_path.remove(_WATCHER)
        while _patches:
            owner, name, own, ours = _patches.pop()
            if vars(owner).get(name) is not ours:
                continue
            if own is None:
                delattr(owner, name)
            else:
                setattr(owner, name, own)


def _patch_what_is_not() -> None:
    """Patch the imported modules, and again after somebody else replaced the functions, as pytest-socket does."""
    for name, patch in _MODULES.items():
        if name in sys.modules:
            patch(sys.modules[name])


def ascii_name(host: object) -> str:
    """A host in the form that the resolver uses, in lower case; empty if it is not a name."""
    name = bytes(host).decode("latin-1") if isinstance(host, (bytes, bytearray)) else host
    if not isinstance(name, str):
        return ""
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    return name.lower().rstrip(".")


def is_below(name: str, domains: tuple[str, ...]) -> bool:
    """Whether a name is one of these domains or a subdomain."""
    return any(name == domain or name.endswith("." + domain) for domain in domains)


def _found(host: object) -> Redirection | None:
    """The redirection of a host, if there is one."""
    name = ascii_name(host) if _redirections else ""
    return next((one for one in _redirections if name and (name == one.led or one.leads(name))), None)


def _address(address: Any) -> Any:
    """The address to use instead of the given one."""
    if isinstance(address, tuple) and len(address) > 1:
        redirection = _found(address[0])
        if redirection is not None:
            return redirection.destination().address(address[1])
    return address


def _host(host: Any) -> Any:
    redirection = _found(host)
    return host if redirection is None else redirection.led


# -- what is patched, and when ----------------------------------------------------------------------


class _Watcher:
    """Patches a module right after its first import."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The answer of the finders behind this one, with the patch added after the module's own code.

        A watcher of another copy of this file asks those behind itself.
        """
        if name not in _MODULES or name in sys.modules:
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            spec: Any = finder.find_spec(name, path, target) if hasattr(finder, "find_spec") else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _PatchingLoader(spec.loader, _MODULES[name])
                return spec
        return None


class _PatchingLoader:
    """A module's own loader, followed by its patch."""

    def __init__(self, loader: Any, patch: Callable[[Any], None]) -> None:
        self._loader = loader
        self._patch = patch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: Any) -> Any:
        """As the module's own loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        """Run the module's own code, then patch it."""
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _or_say_so(lambda: self._patch(module))


def _patch(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    inner = getattr(owner, name)
    marked = getattr(inner, MARK, None)
    if marked is True or marked is _patches:  # that of another copy of this file stays, behind ours
        return
    outer = make(inner)
    setattr(outer, MARK, _patches)
    outer.__wrapped__ = inner
    for about in ("__module__", "__name__", "__qualname__", "__doc__"):  # functools would be imported only for this
        setattr(outer, about, getattr(inner, about, None))
    _patches.append((owner, name, vars(owner).get(name), outer))
    setattr(owner, name, outer)


def _patch_socket(socket: Any) -> None:
    import _socket

    _patch(_socket, "getaddrinfo", _looking_up)  # socket.getaddrinfo calls it
    for name in LOOK_UPS:
        _patch(_socket, name, _looking_up)
        _patch(socket, name, _looking_up)
    _patch_methods(socket)


def _looking_up(inner: Any) -> Any:
    def look_up(host: Any, *args: Any, **named: Any) -> Any:
        return inner(_host(host), *args, **named)

    return look_up


def _patch_methods(socket: Any) -> None:
    for name in ADDRESS_METHODS:
        _patch(socket.socket, name, _connecting)


def _connecting(inner: Any) -> Any:
    def connect(self: Any, *args: Any) -> Any:
        return inner(self, *args[:-1], *map(_address, args[-1:]))

    return connect


def _patch_ssl(ssl: Any) -> None:
    for name, position in NAME_POSITIONS.items():
        _patch(ssl.SSLContext, name, _trusting(position))


def _trusting(position: int) -> Callable[[Any], Any]:
    def make(inner: Any) -> Any:
        def wrap(self: Any, *args: Any, **named: Any) -> Any:
            redirection = _found(_argument("server_hostname", position, args, named))
            if redirection is not None:
                self.load_verify_locations(cadata=redirection.destination().authority)
            return inner(self, *args, **named)

        return wrap

    return make


def _argument(name: str, position: int, args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    return args[position] if len(args) > position else named.get(name)


def _patch_uvloop(uvloop: Any) -> None:
    """Patch the methods of uvloop's loop, which looks up and connects in C."""
    _patch(uvloop.Loop, "create_connection", _creating)
    _patch(uvloop.Loop, "getaddrinfo", _looking_up_in_loop)
    _patch(uvloop.Loop, "sock_connect", _connecting_in_loop)
    _patch(uvloop.Loop, "create_datagram_endpoint", _datagrams_in_loop)


def _patch_pycares(pycares: Any) -> None:
    """Patch the look-ups of c-ares, which aiohttp uses if aiodns is installed."""
    for name in ("getaddrinfo", "gethostbyname"):
        if hasattr(pycares.Channel, name):
            _patch(pycares.Channel, name, _looking_up_by_method)


def _looking_up_by_method(inner: Any) -> Any:
    def look_up(self: Any, host: Any, *args: Any, **named: Any) -> Any:
        return inner(self, _host(host), *args, **named)

    return look_up


def _creating(inner: Any) -> Any:
    async def create_connection(self: Any, factory: Any, host: Any = None, port: Any = None, **named: Any) -> Any:
        redirection = _found(host)
        if redirection is not None:
            if named.get("ssl") and not named.get("server_hostname"):
                named["server_hostname"] = ascii_name(host)
            host, port = redirection.destination().address(port)
        return await inner(self, factory, host, port, **named)

    return create_connection


def _looking_up_in_loop(inner: Any) -> Any:
    async def getaddrinfo(self: Any, host: Any, port: Any, **named: Any) -> Any:
        return await inner(self, _host(host), port, **named)

    return getaddrinfo


def _datagrams_in_loop(inner: Any) -> Any:
    async def create_datagram_endpoint(self: Any, factory: Any, *args: Any, **named: Any) -> Any:
        return await inner(self, factory, *args, **{**named, "remote_addr": _address(named.get("remote_addr"))})

    return create_datagram_endpoint


def _connecting_in_loop(inner: Any) -> Any:
    async def sock_connect(self: Any, sock: Any, address: Any) -> Any:
        return await inner(self, sock, _address(address))

    return sock_connect


def _patch_httpx(httpx: Any) -> None:
    """Let a client read the certificates once; otherwise it reads them again for each of our proxy variables."""
    if RUN is not None:
        for client in (httpx.Client, httpx.AsyncClient):
            _patch(client, "__init__", _trusting_once(httpx))


def _trusting_once(httpx: Any) -> Callable[[Any], Any]:
    usual = {"verify": True, "cert": None, "trust_env": True, "transport": None}

    def make(inner: Any) -> Any:
        def init(self: Any, *args: Any, **named: Any) -> None:
            if all(named.get(name, value) is value for name, value in usual.items()):
                named["verify"] = httpx.create_ssl_context()
            inner(self, *args, **named)

        return init

    return make


def _patch_subprocess(subprocess: Any) -> None:
    if RUN is not None:
        _patch(subprocess.Popen, "__init__", _starting(11))


def _patch_os(os: Any) -> None:
    if RUN is not None:
        for name in ("execve", "posix_spawn", "posix_spawnp"):
            if hasattr(os, name):
                _patch(os, name, _starting(2))
        _patch(os, "execv", lambda _: lambda path, argv: os.execve(path, argv, os.environ))


def _starting(position: int) -> Callable[[Any], Any]:
    """Lead a program that is started with an environment of its own, or with one that this program has changed."""
    import os

    def make(inner: Any) -> Any:
        def start(*args: Any, **named: Any) -> Any:
            own = _argument("env", position, args, named)
            led = led_environ(os.environ if own is None else own, RUN["environ"] if RUN else {})
            if len(args) > position:
                return inner(*args[:position], led, *args[position + 1 :], **named)
            return inner(*args, **{**named, "env": led})

        return start

    return make


def led_environ(own: Mapping[str, str], leading: Mapping[str, str]) -> dict[str, str]:
    """An environment with the variables that lead a program. Its own values stay; in `PREPENDED`, after ours.

    An environment of another run stays as it is: that run was started within ours.
    """
    if own.get(LED_BY, leading.get(LED_BY)) != leading.get(LED_BY):
        return dict(own)
    led = {**leading, **own}
    for name in PREPENDED.keys() & leading.keys() & own.keys():
        ours, separator = leading[name], PREPENDED[name]
        others = [one for one in own[name].split(ours) if one.strip(separator)]
        led[name] = separator.join([ours, *(one.strip(separator) for one in others)])
    return led


_WATCHER: Any = _Watcher()
_MODULES: dict[str, Callable[[Any], None]] = {
    "socket": _patch_socket,
    "ssl": _patch_ssl,
    "uvloop": _patch_uvloop,
    "pycares": _patch_pycares,
    "gevent.socket": _patch_methods,
    "gevent.ssl": _patch_ssl,
    "httpx": _patch_httpx,
    "httpx2": _patch_httpx,
    "os": _patch_os,
    "subprocess": _patch_subprocess,
}


# -- as a sitecustomize -----------------------------------------------------------------------------


def _or_say_so(do: Callable[[], None]) -> None:
    """Do something, or report its failure in one line: the proxy variables still lead most programs."""
    try:
        do()
    except Exception as error:
        if RUN is None:
            raise
        if sys.stderr is not None:
            sys.stderr.write(f"fakefal: only the proxy variables redirect {sys.executable}: {error!r}\n")


def _begin(run: Mapping[str, Any]) -> None:
    domains = tuple(run["domains"])
    destination = Destination(run["tls_port"], run["plain_port"], run["authority"])
    install(Redirection(lambda name: is_below(name, domains), lambda: destination, LED_BY_RUN))


def _run_the_next(folder: str) -> None:
    """Run the sitecustomize that this one hides, such as that of Debian, a tracer or the user."""
    sys.path[:] = [path for path in sys.path if path != folder]
    own = sys.modules.pop(__name__)
    try:
        __import__(__name__)
    except ImportError as error:
        if error.name != __name__:
            raise
        sys.modules[__name__] = own


if RUN is not None:
    _run = RUN
    _or_say_so(lambda: _begin(_run))
    _run_the_next(__file__.rpartition("/")[0])
