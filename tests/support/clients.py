"""Both clients behind one face, so that each claim is tested for both."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack, aclosing
from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from fakefal_client import AsyncClient, AsyncJob, Client

if TYPE_CHECKING:
    from support.server import Server


class Blocking:
    """An awaitable object of ours, called as if it were the blocking one."""

    def __init__(self, inner: Any, portal: BlockingPortal) -> None:
        self._inner, self._portal = inner, portal

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if inspect.iscoroutinefunction(found):
            return lambda *args, **kwargs: self._wrapped(self._portal.call(lambda: found(*args, **kwargs)))
        if inspect.isasyncgenfunction(found):
            return lambda *args, **kwargs: self._items(found(*args, **kwargs))
        if inspect.ismethod(found):
            return lambda *args, **kwargs: self._wrapped(found(*args, **kwargs))
        return found

    def _wrapped(self, value: Any) -> Any:
        return Blocking(value, self._portal) if isinstance(value, AsyncJob) else value

    def _items(self, items: AsyncGenerator[Any, None]) -> Iterator[Any]:
        with self._portal.wrap_async_context_manager(aclosing(items)):
            while (item := self._portal.call(anext, items, None)) is not None:
                yield item


MakeClient = Callable[..., Any]


#: httpx leaves the generator of a request's body to the garbage collector, of which trio complains.
TRIO = pytest.param(
    "trio", marks=pytest.mark.filterwarnings("ignore:Async generator '(httpx|test_drivers):ResourceWarning")
)


@pytest.fixture(params=["sync", "asyncio", TRIO])
def make_client(request: pytest.FixtureRequest) -> Iterator[MakeClient]:
    """Build a client of either kind; an asynchronous one lives in a loop of its own thread."""
    with ExitStack() as stack:
        if request.param == "sync":
            yield lambda *args, **kwargs: stack.enter_context(Client(*args, **kwargs))
            return
        portal = stack.enter_context(start_blocking_portal(request.param))

        def make(*args: Any, **kwargs: Any) -> Any:
            async def build() -> AsyncClient:
                return AsyncClient(*args, **kwargs)

            client = portal.call(build)
            stack.callback(portal.call, client.close)
            return Blocking(client, portal)

        yield make


@pytest.fixture
def client(make_client: MakeClient, server: Server) -> Any:
    """A client of either kind for a fresh emulator of the instant profile, with its key."""
    return make_client(server.url, key="tester:secret", poll_seconds=0.005)
