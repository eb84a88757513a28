"""The Dockerfiles and compose.yaml files, carried out step by step where there is no container engine.

Each stage of an image gets a root of its own over that of this machine, whose Python stands for the base image's, or
over the stage that it begins with.  All steps are the Dockerfile's: what it copies, runs, sets, and as whom it starts.
Needs root, and `unshare -m`.

Usage: unshare -m python containers.py FOLDER; it writes what it saw as JSON.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "docker-compose"
TOKEN = "a-token-of-the-test"
LIMIT = 300 * float(os.environ.get("TEST_PATIENCE", "1"))
NO_OTHERS: Mapping[str, Path] = MappingProxyType({})
ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"


@dataclass
class Stage:
    """A stage of an image: its root and the folders that are stacked in it, and what was set for its programs."""

    root: Path
    layers: str
    env: dict[str, str]
    user: str = "root"
    folder: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def userspec(self) -> str:
        """The ids of its user, as its own files know them."""
        lines = (self.root / "etc/passwd").read_text().splitlines()
        (ids,) = [line.split(":")[2:4] for line in lines if line.split(":")[0] == self.user]
        return ":".join(ids)

    def entering(self, env: dict[str, str]) -> list[str]:
        """What a command is prefixed with, to run in here."""
        shown = [f"{name}={value}" for name, value in {**self.env, **env}.items()]
        return [
            "chroot",
            f"--userspec={self.userspec()}",
            str(self.root),
            "env",
            "-i",
            f"--chdir={self.folder}",
            *shown,
        ]


def instructions(text: str) -> list[tuple[str, str]]:
    """The lines of a Dockerfile, joined where they continue."""
    joined = re.sub(
        r"\\\n\s*", "", "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    )
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def new_root(folder: Path, below: str) -> Path:
    """A root of its own over other layers."""
    for name in ("upper", "work", "root"):
        (folder / name).mkdir(parents=True)
    over = f"lowerdir={below},upperdir={folder}/upper,workdir={folder}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", over, folder / "root"], check=True)
    root = folder / "root"
    for name in ("proc", "dev"):
        subprocess.run(["mount", "--rbind", f"/{name}", root / name], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "none", root / "tmp"], check=True)
    for parent in Path(sys.base_prefix).parents:  # so that every user finds Python, as in the base image
        (root / parent.relative_to("/")).chmod(0o755)
    return root


def build(folder: Path, context: Path = ROOT, target: str = "", contexts: Mapping[str, Path] = NO_OTHERS) -> Stage:
    """Carry out a Dockerfile up to a stage, or whole; returns the last stage."""
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    pip = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_CERT", "HTTP"))}
    for word, rest in instructions((context / "Dockerfile").read_text()):
        if word == "FROM":
            if target in stages:
                break
            below, _, name = rest.partition(" AS ")
            stage = stages[name] = _begun(folder / (name or "last"), stages.get(below))
            continue
        assert stage is not None
        if word == "RUN":
            subprocess.run([*stage.entering(pip), "sh", "-c", rest], check=True, stdout=subprocess.DEVNULL)
        elif word == "COPY":
            _copy(stages, stage, rest.split(), {"": context, **contexts})
        else:
            _set(stage, word, rest)
    assert stage is not None
    return stage


def _set(stage: Stage, word: str, rest: str) -> None:
    """Carry out what an image only remembers."""
    match word:
        case "WORKDIR":
            stage.folder = rest
            (stage.root / rest.lstrip("/")).mkdir()
        case "ENV":
            for setting in shlex.split(rest):
                key, _, value = setting.partition("=")
                stage.env[key] = value.replace("$PATH", stage.env["PATH"])
        case "USER":
            stage.user = rest
        case "ENTRYPOINT":
            stage.entrypoint, stage.command = json.loads(rest), []
        case "CMD":
            stage.command = json.loads(rest)
        case "HEALTHCHECK":
            stage.health = json.loads(rest.partition("CMD ")[2])
        case _:
            assert word == "EXPOSE", word


def _begun(folder: Path, base: Stage | None) -> Stage:
    """A stage that begins with another one, or with an image of Python."""
    below = base.layers if base else "/"
    path = f"{sys.base_prefix}/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    made = deepcopy(base) if base else Stage(Path(), "", {"PATH": path})
    return replace(made, root=new_root(folder, below), layers=f"{folder}/upper:{below}")


def _copy(stages: dict[str, Stage], stage: Stage, given: list[str], contexts: Mapping[str, Path]) -> None:
    *options, source, target = given
    to = stage.root / str(Path(stage.folder, target)).lstrip("/")
    origin = "".join(options).removeprefix("--from=")
    if origin in stages:
        shutil.copytree(stages[origin].root / source.lstrip("/"), to, symlinks=True)
        return
    context = contexts[origin]
    if source != ".":
        shutil.copy(context / source, to)
        return
    lines = (context / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    to.mkdir()
    for name in [line[1:] for line in lines if line.startswith("!")]:
        if (context / name).is_dir():
            shutil.copytree(context / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(context / name, to / name)


class Container:
    """A running program of an image, with a /tmp of its own."""

    def __init__(self, image: Stage, env: dict[str, str], *given: str) -> None:
        self._image, self._env = image, env
        own = f'mount -t tmpfs -o mode=1777 none {image.root}/tmp && exec "$@"'
        command = ["unshare", "-m", "sh", "-c", own, "sh", *image.entering(env), *image.entrypoint]
        command += given or image.command
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def healthy(self) -> None:
        """Wait until its health check passes."""
        entered = ["nsenter", "-t", str(self.process.pid), "-m", *self._image.entering(self._env)]
        deadline = time.monotonic() + LIMIT
        while (done := subprocess.run([*entered, *self._image.health], capture_output=True, check=False)).returncode:
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline, done
            time.sleep(0.1)

    @property
    def user(self) -> int:
        """The id of the user that runs it."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"^Uid:\t(\d+)", status, re.MULTILINE)[0])

    def stop(self) -> tuple[int, str]:
        """Stop it as an engine does; its exit code, and what it printed."""
        self.process.terminate()
        said, _ = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, said


def ask(url: str, body: Any = None, token: str = "", **headers: str) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    headers |= {"Authorization": f"Bearer {token}" if token else "Key me:secret", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=LIMIT) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def run_alone(image: Stage) -> dict[str, Any]:
    """Start the image with nothing given."""
    one = Container(image, {})
    one.healthy()
    user = one.user
    refused, _ = ask("http://127.0.0.1:8710/_fakefal/requests")
    accepted, _ = ask(f"http://127.0.0.1:8710/queue/{ENDPOINT}", {"prompt": "x"})
    code, said = one.stop()
    added = sum(path.lstat().st_size for path in (image.root / "opt/fakefal").rglob("*"))
    return {
        "added_bytes": added,
        "user": user,
        "control_without_token": refused,
        "submit": accepted,
        "exit": code,
        "said": said,
    }


def run_composed(image: Stage) -> dict[str, Any]:
    """Start what compose.yaml describes; the second replica has the published port of its own."""
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services = composed["services"]
    (volume,) = services["fakefal"]["volumes"]
    place = image.root / volume.partition(":/")[2]
    assert place.stat().st_uid == int(image.userspec().partition(":")[0]), "a new volume is its folder's owner's"
    assert volume.partition(":")[0] in composed["volumes"]
    with (image.root / "etc/hosts").open("a") as hosts:
        hosts.write("\n127.0.0.1 redis fakefal\n")
    redis = subprocess.Popen([*services["redis"]["command"], "--dir", place.parent / "tmp"], stdout=subprocess.DEVNULL)
    test = services["redis"]["healthcheck"]["test"]
    while subprocess.run(test[1:], capture_output=True, check=False).returncode:
        assert redis.poll() is None
    given = {
        name: re.sub(r"\$\{\w+:\?.*\}", TOKEN, value) for name, value in services["fakefal"]["environment"].items()
    }
    first, last = re.findall(r":(\d+)-(\d+):8710", *services["fakefal"]["ports"])[0]
    ports = range(int(first), int(last) + 1)
    assert len(ports) == services["fakefal"]["deploy"]["replicas"]
    replicas = [Container(image, {**given, "FAKEFAL_PORT": str(port)}) for port in ports]
    for one in replicas:
        one.healthy()
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    _, job = ask(f"{urls[0]}/queue/{ENDPOINT}", {"prompt": "x"})
    seen = [ask(f"{url}/_fakefal/requests", token=TOKEN)[1] for url in urls]
    state, _ = ask(f"{urls[1]}/queue/fal-ai/kling-video/requests/{job['request_id']}/status")
    by_name, _ = ask(f"{urls[0]}/_fakefal/ready", token=TOKEN, Host="fakefal:8710")
    ended = [one.stop()[0] for one in replicas]
    redis.terminate()
    redis.wait(LIMIT)
    return {
        "job": job["request_id"],
        "seen": [[one["request_id"] for one in found] for found in seen],
        "status_at_the_other": state,
        "ready_by_its_name": by_name,
        "exits": ended,
    }


def build_example(folder: Path) -> Stage:
    """Build the application of the example as its compose.yaml says."""
    given = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"]["app"]["build"]
    others = {name: EXAMPLE / path for name, path in given["additional_contexts"].items()}
    return build(folder, EXAMPLE / given["context"], given["target"], others)


def run_example(image: Stage, application: Stage) -> dict[str, Any]:
    """Start what the example's compose.yaml describes, and ask its application for a picture."""
    services = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"]
    assert (EXAMPLE / services["fakefal"]["build"]).samefile(ROOT)
    emulator = Container(image, services["fakefal"]["environment"])
    assert services["app"]["depends_on"] == {"fakefal": {"condition": "service_healthy"}}
    emulator.healthy()
    with (application.root / "etc/hosts").open("a") as hosts:
        hosts.write("\n127.0.0.1 fakefal\n")
    app = Container(application, services["app"]["environment"], *services["app"]["command"])
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            with urllib.request.urlopen("http://127.0.0.1:8000/picture?prompt=A+lighthouse", timeout=LIMIT) as answer:
                picture = answer.headers["Content-Type"], len(answer.read())
            break
        except urllib.error.URLError as error:
            if app.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(app.stop()) from error
            time.sleep(0.1)
    token = services["fakefal"]["environment"]["FAKEFAL_CONTROL_TOKEN"]
    _, seen = ask("http://127.0.0.1:8710/_fakefal/requests", token=token)
    (_, said), (code, _) = app.stop(), emulator.stop()
    prompts = [one["arguments"]["prompt"] for one in seen]
    return {"picture": picture, "prompts": prompts, "said": said, "exit": code}


if __name__ == "__main__":
    if len(sys.argv) > 2:  # in a network of its own
        from support.loopback_only import bring_up

        bring_up()
        image, application = [Stage(**{**one, "root": Path(one["root"])}) for one in json.loads(sys.argv[2])]
        found = {"alone": run_alone(image), "composed": run_composed(image)}
        json.dump({**found, "example": run_example(image, application)}, sys.stdout)
    else:
        place = Path(sys.argv[1])
        subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
        both = build(place / "fakefal"), build_example(place / "app")
        plain = json.dumps([{**vars(built), "root": str(built.root)} for built in both])
        os.execvp("unshare", ["unshare", "-n", sys.executable, __file__, sys.argv[1], plain])
