"""Calls of one emulator, by its HTTP API alone: in this process or anywhere else, it is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import httpx

from fakefal.settings import Settings
from fakefal.wire.answers import HINT
from fakefal_contracts.hosts import FILES

KEY = "fakefal-mcp:not-a-real-key"
CONTROL = "/_fakefal/"
SECONDS = 60.0
"""How long an answer may take."""


class NotAnEmulator(Exception):
    """No emulator answers at the address."""


class CallFailed(Exception):
    """A call was refused, or nobody answered.

    Args:
        said: what went wrong, in words.
        status: the HTTP status; 0 where no answer came.
        facts: what else is known of it.
    """

    def __init__(self, said: str, status: int = 0, **facts: Any) -> None:
        super().__init__(said)
        self.status = status
        self.facts = facts


class EmulatorCalls:
    """Speaks to an emulator; safe to use from several threads.

    Args:
        url: its base URL.
        settings: the first of their `keys` calls fal's part, and their `control_token` the control API.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url.rstrip("/")
        key = next((f"{name}:{secret}" for name, secret in settings.keys.items()), KEY)
        self.key_id = key.partition(":")[0]
        self._of_fal = {"Authorization": f"Key {key}"}
        token = settings.control_token
        self._of_control = {"Authorization": f"Bearer {token}"} if token else {}
        # by no proxy: it would take the calls elsewhere
        self._http = httpx.Client(base_url=self.url, trust_env=False, timeout=SECONDS)

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Make sure that an emulator answers; connections stay open while the block lasts.

        Raises:
            NotAnEmulator: none does; a proxy before fal is none, either.
        """
        with self._http:
            try:
                found = self.control("health")
            except CallFailed as error:
                raise NotAnEmulator(f"no emulator answers at {self.url}: {error}") from error
            if not isinstance(found, dict) or "profile" not in found:
                raise NotAnEmulator(
                    f"the server at {self.url} is not a fakefal: give the URL that `fakefal serve` prints"
                )
            yield

    def control(self, path: str, *, body: Any = None, **query: str | int | None) -> Any:
        """A call of the control API; with a body it is a POST.

        Raises:
            CallFailed: it was refused, or nobody answered.
        """
        method = "GET" if body is None else "POST"
        return _json(self._send(method, f"{CONTROL}{path}", self._of_control, body, query))

    def fal(self, method: str, path: str, *, body: Any = None, **query: str | int | None) -> Any:
        """A call of what is fal's, by the prefix of its part.

        Raises:
            CallFailed: it was refused, or nobody answered.
        """
        return _json(self._send(method, path, self._of_fal, body, query))

    def put(self, address: str, file: BinaryIO, content_type: str) -> None:
        """Upload a file to an address that the emulator gave; it goes to the emulator, whatever host stands there.

        Raises:
            CallFailed: it was refused, or nobody answered.
        """
        _, prefix, rest = address.partition(FILES)
        self._answered("PUT", f"{prefix}{rest}", headers={"content-type": content_type}, content=file)

    def file(self, address: str) -> bytes | None:
        """A file of the emulator's own; None where the address is another's.

        Raises:
            CallFailed: it is not there, or nobody answered.
        """
        if not address.startswith(f"{self.url}{FILES}"):
            return None
        return self._answered("GET", address.removeprefix(self.url)).content

    def _send(
        self, method: str, path: str, headers: dict[str, str], body: Any, query: dict[str, str | int | None]
    ) -> httpx.Response:
        given = {name: value for name, value in query.items() if value is not None}
        more = {} if body is None else {"json": body}
        return self._answered(method, path, headers=headers, params=given, **more)

    def _answered(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **more)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CallFailed(f"the emulator does not answer: {error or type(error).__name__}") from error
        except ValueError as error:  # a body with NaN, or with half a character
            raise CallFailed(f"the input is not JSON: {error}") from error
        if not answer.is_success:
            detail = _json(answer)
            hint = answer.headers.get(HINT, "")
            said = detail.get("detail", detail.get("error", detail)) if isinstance(detail, dict) else detail
            words = f": {said}" if isinstance(said, str) else ""
            raise CallFailed(f"HTTP {answer.status_code}{words}", answer.status_code, detail=said, hint=hint)
        return answer


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text[:1000]
