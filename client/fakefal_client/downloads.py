"""Downloads of results.  A file appears only when it is complete."""

from __future__ import annotations

import os
import secrets
from functools import partial
from pathlib import Path
from typing import BinaryIO

from fakefal_client import jobs
from fakefal_client.errors import ConnectionLost, NetworkError, ServiceError, UsageError
from fakefal_client.retry import Deadline
from fakefal_client.session import Session, may_help
from fakefal_client.steps import Emit, Flow, ReadPiece, Reply, Work
from fakefal_client.uploads import Progress


def download_result(session: Session, job: jobs.Accepted, path: Path, deadline: Deadline) -> Flow[Path]:
    """Wait for the end of a job, and download its video.

    Raises:
        UsageError: the file cannot be written, or the result has no video.
    """
    yield Work(partial(_check_place, path))
    yield from jobs.result(session, job, deadline)
    video = job.output.get("video") if isinstance(job.output, dict) else None
    address = video.get("url") if isinstance(video, dict) else None
    if not isinstance(address, str):
        raise UsageError("the result has no video: pass one of its URLs to client.download()")
    return (yield from download(session, address, path, deadline, job.request_id))


def download(
    session: Session, address: str, path: Path, deadline: Deadline, request_id: str | None = None
) -> Flow[Path]:
    """Download a URL to a file, emitting `Progress`.  An existing file is replaced at the end.

    A failed download leaves no file.

    Raises:
        UsageError: the file cannot be written.
        ForeignAddress: a result of the emulator has a URL at fal.
        ConnectionLost: the connection died, or ended before the whole file.
    """
    yield Work(partial(_check_place, path))
    call = session.bare_call("GET", session.target.readable(address), {"accept-encoding": "identity"})
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    number = 0
    try:
        while True:
            number += 1
            try:
                with part.open("wb") as file:
                    yield from session.pieces(call, deadline, partial(_write, file), request_id)
                break
            except (NetworkError, ServiceError) as error:
                headers = error.headers if isinstance(error, ServiceError) else {}
                if isinstance(error, ServiceError) and not may_help(error.status, headers):
                    raise
                if not (yield from session.pause(number, headers, deadline, request_id)):
                    raise
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _check_place(path: Path) -> None:
    """Check that a file can be written, before the job is waited for.

    Raises:
        UsageError: it cannot be written.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder: give the name of a file")
    if not path.parent.is_dir():
        raise UsageError(f"folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"folder {path.parent} is not writable")


def _write(file: BinaryIO, reply: Reply) -> Flow[None]:
    said = reply.headers.get("content-length", "")
    total = int(said) if said.isdecimal() else None
    done = 0
    while piece := (yield ReadPiece()):
        yield Work(partial(file.write, piece))
        done += len(piece)
        yield Emit(Progress(done, total))
    if total is not None and done != total:
        raise ConnectionLost(f"the download ended after {done} of {total} bytes")
    file.flush()
    os.fsync(file.fileno())
