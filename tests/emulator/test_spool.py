"""The spool: full disks, damaged notes, files that vanished, two servers, killed servers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from fakefal.engine.emulator import Emulator
from fakefal.settings import Settings, SettingsError
from fakefal.state import temporary as module
from fakefal.state.files import FileTooLarge, SpoolFull
from fakefal.state.temporary import LOCK, PREFIX, TemporaryFolder, sweep_abandoned
from fakefal.store.spool import MOST_OPEN, OwnFolder, SpoolFiles
from support.endpoints import I2V
from support.machine import fill, small_file_system
from support.programs import FAKEFAL
from support.server import KEY, Serve, Server
from support.waiting import run_program

MEBIBYTE = 1024 * 1024
pytestmark = pytest.mark.memory_only(why="replicas share one spool on purpose; test_replicas.py has theirs")


def store(path: Path | None, *, max_files: int = 100, max_bytes: int = 10_000) -> SpoolFiles:
    return SpoolFiles(OwnFolder(path), max_files=max_files, max_bytes=max_bytes)


def put(files: SpoolFiles, name: str, content: bytes) -> None:
    with files.writing() as written:
        written.write(content)
    files.keep(written, f"/files/{name}", "image/png")


def inside(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir() if path.name != LOCK)


def upload(server: Server, content: bytes) -> httpx.Response:
    token = server.http.post("/rest/storage/auth/token").json()["token"]
    return server.http.post("/cdn/files/upload", content=content, headers={"Authorization": f"Bearer {token}"})


class TestOpenUploads:
    def test_they_count_towards_the_bytes_of_the_store(self, tmp_path: Path) -> None:
        files = store(tmp_path, max_bytes=1000)
        put(files, "old", b"x" * 600)
        first, second = files.open_part(), files.open_part()
        first.write(b"x" * 400)
        assert files.get("/files/old")
        first.write(b"x")
        assert files.get("/files/old") is None
        second.write(b"x" * 599)
        with pytest.raises(SpoolFull, match="unfinished uploads fill the 1000 bytes"):
            second.write(b"x")
        with pytest.raises(FileTooLarge):
            first.write(b"x" * 600)
        files.discard(first)
        second.write(b"x" * 401)
        assert files.keep(second, "/files/new", "").size == 1000
        assert inside(tmp_path) == [".bin", ".json"]

    def test_there_are_so_many(self, tmp_path: Path) -> None:
        files = store(tmp_path)
        every = [files.open_part() for _ in range(MOST_OPEN)]
        with pytest.raises(SpoolFull, match=f"{MOST_OPEN} uploads"):
            files.open_part()
        for one in every:
            files.discard(one)
        assert inside(tmp_path) == []

    def test_a_caller_whose_upload_has_no_room_gets_the_answer(self, serve: Serve, tmp_path: Path) -> None:
        server = serve(max_file_bytes=MEBIBYTE, spool=tmp_path)
        unfinished = server.emulator.files.open_part()
        unfinished.write(b"x" * MEBIBYTE)
        answer = upload(server, b"x" * 4 * MEBIBYTE)
        assert (answer.status_code, inside(tmp_path)) in [(413, [".part"]), (507, [".part"])]
        server.emulator.files.discard(unfinished)
        assert upload(server, b"x" * MEBIBYTE).status_code == 200


@pytest.fixture
def small_disk() -> Iterator[Path]:
    with small_file_system() as path:
        yield path


class TestFullDisk:
    def test_an_upload_is_refused_and_nothing_stays(self, serve: Serve, small_disk: Path) -> None:
        server = serve(spool=small_disk / "spool")
        (small_disk / "other").write_bytes(b"x" * 1_500_000)
        answer = upload(server, b"x" * MEBIBYTE)
        assert (answer.status_code, answer.json()["detail"].count("\n")) == (507, 0)
        assert "disk of the spool is full" in answer.json()["detail"]
        assert "--spool" in answer.headers["x-fakefal-hint"]
        big = "data:image/png;base64," + "A" * MEBIBYTE
        submitted = server.http.post(f"/queue/{I2V}", json={"prompt": "x", "start_image_url": big})
        assert submitted.status_code == 507
        assert inside(small_disk / "spool") == []
        assert upload(server, b"x").status_code == 200

    def test_a_note_that_does_not_fit_leaves_nothing(self, small_disk: Path) -> None:
        files = store(small_disk / "spool", max_bytes=10 * MEBIBYTE)
        written = files.open_part()
        written.write(b"x")
        fill(small_disk)
        with pytest.raises(SpoolFull):
            files.keep(written, "/files/a", "")
        assert inside(small_disk / "spool") == []
        assert files.all() == []
        (small_disk / "other").unlink()
        put(files, "a", b"x")

    def test_parts_that_cannot_be_joined_stay(self, small_disk: Path) -> None:
        files = store(small_disk / "spool", max_bytes=10 * MEBIBYTE)
        for number in (1, 2):
            with files.writing() as written:
                written.write(b"x" * 600_000)
            files.keep_part(written, "id", number)
        with pytest.raises(SpoolFull):
            files.join("id", [1, 2], "/files/a", "", max_bytes=10 * MEBIBYTE)
        assert inside(small_disk / "spool") == [".bin", ".bin", ".json", ".json"]


def test_while_parts_are_joined_nobody_waits_for_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = store(tmp_path / "spool", max_bytes=MEBIBYTE)
    for number in (1, 2):
        with files.writing() as written:
            written.write(b"x" * 10)
        files.keep_part(written, "id", number)
    copy, others = shutil.copyfileobj, []

    def copied(*given: Any) -> None:
        one = threading.Thread(target=lambda: others.append(put(files, f"other{len(others)}", b"y")))
        one.start()
        one.join()
        copy(*given)

    monkeypatch.setattr(shutil, "copyfileobj", copied)
    assert files.join("id", [1, 2], "/files/a", "", max_bytes=MEBIBYTE).source.read_bytes() == b"x" * 20
    assert len(others) == 2


class TestNotes:
    @pytest.mark.parametrize(
        "said", [b"", b"{", b"[]", b'{"url_path": 1}', b"\xff", b"[" * 100_000, b'{"source": "../../x"}']
    )
    def test_a_damaged_one_is_passed_over_with_a_warning(
        self, tmp_path: Path, said: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        files = store(tmp_path)
        put(files, "good", b"good")
        put(files, "bad", b"bad")
        note = next(path for path in tmp_path.glob("*.json") if b"/files/bad" in path.read_bytes())
        note.write_bytes(said)
        files.close()
        again = store(tmp_path)
        assert [one.url_path for one in again.all()] == ["/files/good"]
        assert note.name in caplog.text
        assert len(list(tmp_path.glob("*.bin"))) == 2  # whose bytes these are nobody knows

    def test_a_source_elsewhere_is_not_believed(self, tmp_path: Path) -> None:
        files = store(tmp_path / "spool")
        put(files, "a", b"good")
        (tmp_path / "secret").write_bytes(b"secret")
        (note,) = (tmp_path / "spool").glob("*.json")
        note.write_text(json.dumps(json.loads(note.read_text()) | {"source": "../secret"}))
        files.close()
        assert store(tmp_path / "spool").get("/files/a") is None

    def test_what_was_not_finished_goes_and_what_is_others_stays(self, tmp_path: Path) -> None:
        ours = [f"{'0' * 16}.{form}" for form in ("part", "bin", "note")]
        others = ["film.part", "data.bin", "package.json", "to-do.note"]
        for name in ours + others:
            (tmp_path / name).write_bytes(b"x")
        store(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*others, LOCK])

    def test_a_file_that_vanished_is_not_found(self, serve: Serve, tmp_path: Path) -> None:
        server = serve(spool=tmp_path)
        address = upload(server, b"x").json()["access_url"]
        assert server.http.get(address).status_code == 200
        for path in tmp_path.glob("*.bin"):
            path.unlink()
        assert server.http.get(address).status_code == 404
        assert inside(tmp_path) == []


RUN = [sys.executable, "-m", "fakefal", "serve", "--port", "0"]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process and its children make temporary folders."""
    path = tmp_path / "tmp"
    path.mkdir()
    monkeypatch.setenv("TMPDIR", str(path))
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    sweep_abandoned.cache_clear()
    return path


def started(*more: str) -> tuple[subprocess.Popen[str], str]:
    """A server in a process, and its address."""
    child = subprocess.Popen([*RUN, *more], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        for word in line.split():
            if word.startswith("http://127.0.0.1:"):
                return child, word.rstrip("/.,")
    raise AssertionError(f"it ended with {child.wait()}")


class TestTwoServers:
    def test_the_second_is_refused_and_takes_nothing(self, tmp_path: Path) -> None:
        child, url = started("--spool", str(tmp_path))
        try:
            files = httpx.post(f"{url}/rest/storage/auth/token", headers=KEY, trust_env=False).json()
            bearer = {"Authorization": f"Bearer {files['token']}"}
            httpx.post(f"{url}/cdn/files/upload", content=b"x", headers=bearer, trust_env=False).raise_for_status()
            before = inside(tmp_path)
            done = subprocess.run([*RUN, "--spool", str(tmp_path)], capture_output=True, text=True, check=False)
            assert done.returncode == 1
            assert "another fakefal uses it" in done.stderr
            assert "Traceback" not in done.stderr
            assert inside(tmp_path) == before
        finally:
            child.kill()
            child.communicate()
        store(tmp_path)  # the lock ended with its process

    def test_in_one_process_too(self, tmp_path: Path) -> None:
        first = store(tmp_path)
        with pytest.raises(SettingsError, match="another fakefal"):
            store(tmp_path)
        first.close()
        store(tmp_path)


class TestTemporaryFolders:
    def test_one_is_made_with_the_first_file_and_ends_with_its_store(self, temporary: Path) -> None:
        for _ in range(3):
            Emulator(Settings())
        assert list(temporary.iterdir()) == []
        files = store(None)
        put(files, "a", b"x")
        assert len(list(temporary.iterdir())) == 1
        files.close()
        assert list(temporary.iterdir()) == []

    def test_one_that_is_swept_before_it_is_locked_is_made_again(
        self, temporary: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        TemporaryFolder("first").close()  # the first one of a process sweeps itself
        lock, swept = module.try_lock, list[Path]()

        def late(file: IO[bytes], kind: int) -> bool:
            if not swept:
                swept.append(Path(file.name).parent)
                shutil.rmtree(swept[0])
            return lock(file, kind)

        monkeypatch.setattr(module, "try_lock", late)
        with TemporaryFolder("second") as folder:
            assert list(temporary.iterdir()) == [folder.path]
            assert folder.path != swept[0]
            assert (folder.path / LOCK).exists()

    def test_those_of_killed_processes_are_swept_and_others_stay(self, temporary: Path) -> None:
        code = "from test_spool import *; files = store(None); put(files, 'a', b'x'); input()"
        environ: dict[str, Any] = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])}
        children = [
            subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, env=environ) for _ in range(2)
        ]
        try:
            while len(list(temporary.glob("*/*.json"))) < 2:
                assert [child.poll() for child in children] == [None, None]
            children[0].send_signal(signal.SIGKILL)
            children[0].communicate()
            (temporary / f"{PREFIX}files-new").mkdir()
            assert len(list(temporary.iterdir())) == 3
            store(None)
            assert len(list(temporary.iterdir())) == 2
            assert len(list(temporary.glob("*/*.json"))) == 1
        finally:
            for child in children:
                child.kill()
                child.communicate()

    def test_those_of_killed_servers_and_runs_are_swept_whatever_they_are_for(self, tmp_path: Path) -> None:
        environ = {**os.environ, "TMPDIR": str(tmp_path)}
        make = "from fakefal.files.making import *; files = MadeFiles(); files.get(MadeFile('png', 9, 9))"
        commands = {
            "serve": [*FAKEFAL, "serve", "--port", "0", "--tls-port", "0"],
            "run": [*FAKEFAL, "run", "--", "sh", "-c", "echo ready; exec sleep 99"],
            "made": [sys.executable, "-c", f"{make}; print('ready', flush=True); input()"],
        }
        for kind, command in commands.items():
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            with subprocess.Popen(command, env=environ, **pipes) as child:
                assert child.stdout is not None
                child.stdout.readline()
                child.kill()
            assert [path.name.removeprefix(PREFIX).partition("-")[0] for path in tmp_path.iterdir()] == [kind]
        run_program([*FAKEFAL, "run", "--", "true"], env=environ, check=True)
        assert list(tmp_path.iterdir()) == []
