"""Build the files of a release, and use them as a user would: `make release`. Nothing is uploaded.

The wheel is built from the source distribution, which tests both. Both are installed, each in an empty environment, for
the oldest and the newest Python of this machine, and used from another folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from fakefal.version import VERSION

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
"""The versions to test; `requires-python` names the first."""

CALLER = "fal-client"
"""fal's own client, which the smoke test uses."""


def build(folder: Path) -> tuple[Path, Path]:
    """Build the source distribution, and from it the wheel."""
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


def inspect(sdist: Path, wheel: Path) -> None:
    """Check both with the tools of the index and of its users.

    Raises:
        ReleaseError: a check fails, or a name has another version.
    """
    for file in (sdist, wheel):
        if not file.name.startswith(f"fakefal-{VERSION}"):
            raise ReleaseError(f"{file.name} is not version {VERSION}")
    run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel)
    run(sys.executable, "-m", "check_wheel_contents", wheel)


def in_sdist(sdist: Path) -> set[str]:
    """The files of a source distribution, without its top folder."""
    with tarfile.open(sdist) as archive:
        return {one.name.partition("/")[2] for one in archive if one.isfile()}


def wanted_in_sdist() -> set[str]:
    """The files that it must contain: the packages' files in git, and the files that describe them."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = declared["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    listed: list[str | Path] = ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"]
    kept = run(*listed, *packages, "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore")
    return {line for line in kept.splitlines() if (ROOT / line).is_file()} | {"PKG-INFO"}


def smoke(python: Path) -> None:
    """Use the installed package of a Python from another folder."""
    with tempfile.TemporaryDirectory() as elsewhere:
        script = shutil.copy(ROOT / "tools" / "smoke.py", elsewhere)
        run(python, script, VERSION, cwd=elsewhere)


def pythons() -> Iterator[tuple[str, Path]]:
    """The supported Pythons of this machine: found by name, and in pyenv's folder."""
    kept = sorted((Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions").glob("3.*/bin"))
    for version in PYTHONS:
        name = f"python{version}"
        for place in (shutil.which(name), *(str(path / name) for path in kept)):
            if place is not None and _runs(place):
                yield version, Path(place)
                break


def _runs(python: str) -> bool:
    """Whether a Python exists and starts: pyenv has names for versions that it does not run."""
    try:
        run(python, "-c", "")
    except (OSError, ReleaseError):
        return False
    return True


def try_in_empty_environments(files: Iterable[Path]) -> None:
    """Install each for the oldest and the newest Python, and use it; say clearly which Pythons are not tested."""
    found = dict(pythons())
    ends = list(dict.fromkeys([*found][:1] + [*found][-1:]))
    for version in PYTHONS:
        if version not in found:
            click.echo(f"*** NOT TRIED: Python {version} is not on this machine ***", err=True)
    if ends[:1] != [PYTHONS[0]]:
        raise ReleaseError(f"Python {PYTHONS[0]}, the oldest that is supported, is needed")
    for version in ends:
        for file in files:
            with tempfile.TemporaryDirectory() as folder:
                run(found[version], "-m", "venv", folder)
                python = Path(folder) / "bin" / "python"
                run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", file, CALLER)
                smoke(python)
            click.echo(f"Python {version}: {file.name} works")


class ReleaseError(Exception):
    """A release would be faulty; the message says why."""


def run(*command: str | Path, cwd: str | Path | None = None) -> str:
    """The output of a program, which must succeed.

    Raises:
        ReleaseError: it fails.
    """
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=environ)
    if done.returncode:
        raise ReleaseError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


@click.command
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "dist", help="Where the files go.")
@click.option("--tag", help="The tag of the release, which must name the version: v0.2.0.")
def main(out: Path, tag: str | None) -> None:
    """Build, inspect and try a release."""
    if tag is not None and tag != f"v{VERSION}":
        sys.exit(f"the tag is {tag}, and the version v{VERSION}: change fakefal/version.py, or the tag")
    shutil.rmtree(out, ignore_errors=True)
    try:
        sdist, wheel = build(out)
        if differing := in_sdist(sdist) ^ wanted_in_sdist():
            sys.exit(f"the source distribution has too little or too much: {', '.join(sorted(differing))}")
        inspect(sdist, wheel)
        try_in_empty_environments((wheel, sdist))
    except ReleaseError as error:
        sys.exit(f"release: {error}")
    click.echo(f"{out} is ready to be published")


if __name__ == "__main__":
    main()
