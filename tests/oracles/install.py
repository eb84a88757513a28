"""Make the environment of fal's own runtime, which cannot live beside our FastAPI: ``.oracle/pydantic-VERSION``.

Usage: python tests/oracles/install.py
It gets the pydantic of the Python that runs this, since the wording of refusals is pydantic's.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pydantic

RUNTIME = ("fal==1.83.0", "datamodel-code-generator==0.89.0")
HOME = Path(__file__).parent.parent.parent / ".oracle" / f"pydantic-{pydantic.VERSION}"
PYTHON = HOME / "bin" / "python"
READY = HOME / "ready"


def main() -> None:
    """Install once; what is there and complete is left alone."""
    wanted = "\n".join(RUNTIME)
    if READY.exists() and READY.read_text() == wanted:
        return
    sys.stderr.write(f"Installing fal's own runtime into {HOME} ...\n")
    venv.create(HOME, clear=True, with_pip=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *RUNTIME, f"pydantic=={pydantic.VERSION}"], check=True)
    READY.write_text(wanted)


if __name__ == "__main__":
    main()
