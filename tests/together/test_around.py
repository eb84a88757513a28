"""fal's own clients, unmodified, on the roads beside the queue."""

from __future__ import annotations

import sys

from support.programs import JS, PROGRAMS, finish, run_under

ACL = {"default": "forbid", "rules": [{"user": "somebody", "decision": "allow"}]}


def test_python(offline: list[str]) -> None:
    seen = finish([*offline, *run_under(sys.executable, str(PROGRAMS / "around.py"), profile="instant")])
    assert seen == {
        "sync": 200,
        "async": 200,
        "forbidden": 403,
        "signed": "for few",
        "acl": ACL,
        "listed": [200],
        "document": "Queue OpenAPI for fal-ai/kling-video/o1/image-to-video",
        "llms": "# Kling O1 First Frame Last Frame to Video [Pro]",
    }


def test_javascript(offline: list[str], node: str) -> None:
    seen = finish([*offline, *run_under(node, str(JS / "around.mjs"), profile="instant")])
    assert seen == {
        "forbidden": 403,
        "signed": "for few",
        "acl": ACL,
        "token": True,
        "stream": [True, 404, "Path /o1/image-to-video/stream not found"],
    }
