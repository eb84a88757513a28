"""Make the clips that the files of a folder describe: ``python batch.py clips made``.

A clip that is there is not made again, so a batch that stopped goes on where it was.
"""

import json
import sys
import urllib.request
from pathlib import Path

import fal_client


def make(wishes: Path, into: Path) -> int:
    """Make the clips that are missing; returns how many that were.

    Raises:
        FalClientHTTPError: fal refused one, or the money is used up (403).
    """
    into.mkdir(exist_ok=True)
    count = 0
    for wish in sorted(wishes.glob("*.json")):
        clip = into / f"{wish.stem}.mp4"
        if not clip.exists():
            wanted = json.loads(wish.read_text())
            result = fal_client.subscribe(wanted["endpoint_id"], arguments=wanted["input"])
            unfinished, _ = urllib.request.urlretrieve(result["video"]["url"], clip.with_suffix(".part"))
            Path(unfinished).rename(clip)
            count += 1
    return count


if __name__ == "__main__":
    print(f"{make(Path(sys.argv[1]), Path(sys.argv[2]))} clips made")
