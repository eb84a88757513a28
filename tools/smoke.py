"""Checks an installed fakefal as a user would use it: from another folder, by its commands.

Usage: python smoke.py VERSION, with the Python for which it is installed. It needs no checkout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ENDPOINT = "fal-ai/kling-video/o1/image-to-video"
PICTURE = "https://v3b.fal.media/files/b/rabbit/NaslJIC7F2WodS6DFZRRJ.png"
BODY = {"prompt": "a lighthouse", "start_image_url": PICTURE}
SMALLEST_CLIP = 10_000
CALL = f"""
import fal_client
answer = fal_client.subscribe({ENDPOINT!r}, {BODY!r})
import urllib.request
with urllib.request.urlopen(answer["video"]["url"]) as video:
    print(len(video.read()))
"""


def fakefal(*arguments: str, given: str = "") -> str:
    """The output of a command, which must succeed."""
    program = Path(sys.executable).with_name("fakefal")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FAKEFAL_"))}
    done = subprocess.run([program, *arguments], input=given, capture_output=True, text=True, check=False, env=environ)
    if done.returncode:
        sys.exit(f"fakefal {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def check(version: str) -> None:
    """Run all commands; ends the program if one behaves differently."""
    assert version in fakefal("--version")
    assert "1 valid" in fakefal("check", ENDPOINT, given=json.dumps(BODY))
    assert ENDPOINT in fakefal("models")
    said = fakefal("run", "--profile", "instant", "--", sys.executable, "-c", CALL)
    size, closing = said.splitlines()[0], said.splitlines()[-1]
    assert int(size) > SMALLEST_CLIP, said
    assert closing == "fakefal: 1 request, 1 done, 0 refused, $0.56 not spent", said
    import fakefal_client
    import fakefal_contracts
    import fakefal_fixtures

    for package in (fakefal_client, fakefal_contracts, fakefal_fixtures):
        assert Path(str(package.__file__)).is_relative_to(sys.prefix), "it is the installed one"


if __name__ == "__main__":
    check(sys.argv[1])
