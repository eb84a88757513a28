"""fal's own runtime with models made from fal's documents: run by the environment of the oracle.

Usage: .oracle/pydantic-VERSION/bin/python tests/oracles/runtime_app.py [ID ...]
`datamodel-code-generator` reads the OpenAPI documents of the endpoints in depth, `author.py` the schemas of the
shipped models whose ids are given.  Serves on a free loopback port and prints one line of JSON: the port and the
versions.  Nothing of this project is imported: it must not be compared with itself.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import author
import fal
import uvicorn
from datamodel_code_generator import DataModelType, Formatter, InputFileType, LiteralType, PythonVersion, generate
from pydantic import BaseModel

DOCUMENTS = Path(__file__).parent / "openapi"
KEEP_ALIVE_SECONDS = 600  # longer than a busy machine lets anybody wait between two cases
PACKAGES = ("fal", "fastapi", "starlette", "pydantic", "pydantic-core", "datamodel-code-generator")
VIDEO = {"url": "https://v3b.fal.media/files/b/oracle/output.mp4"}


class Done(BaseModel):
    """The answer of every shipped model: what comes after the arguments is not compared."""


def as_read(document: dict[str, Any]) -> dict[str, Any]:
    """The document as a model generator has to read it.

    fal's documents list properties in any order and say the real one beside it; it decides the order of
    refusals.  A field that may be left out but not be null needs a default, or the generated class lets
    null in: such fields are lists, and get an empty one.
    """
    for schema in document["components"]["schemas"].values():
        properties = schema["properties"]
        schema["properties"] = {name: properties[name] for name in schema.get("x-fal-order-properties", properties)}
        for name, field in properties.items():
            if name not in schema.get("required", ()) and field.get("type") == "array":
                field.setdefault("default", [])
    return document


def models(document: dict[str, Any], folder: Path) -> ModuleType:
    """The pydantic models of a document, as a module."""
    path = folder / f"models_{len(list(folder.iterdir()))}.py"
    generate(
        json.dumps(as_read(document)),
        input_file_type=InputFileType.OpenAPI,
        output=path,
        output_model_type=DataModelType.PydanticV2BaseModel,
        enum_field_as_literal=LiteralType.All,
        strict_nullable=True,
        target_python_version=PythonVersion.PY_311,
        formatters=[Formatter.BUILTIN],
    )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def route(path: str, arguments: type, answer: Any) -> Any:
    """An endpoint of a `fal.App`: takes the generated input, returns an answer."""

    async def run(self: Any, request: Any) -> Any:  # noqa: ARG001 - fal's runtime calls it so
        return answer

    run.__annotations__ = {"request": arguments, "return": type(answer)}
    return fal.endpoint(path)(run)


def generated(folder: Path) -> Iterator[tuple[str, Any]]:
    """The endpoints in depth: path and route."""
    for path in sorted(DOCUMENTS.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        endpoint_id = document["info"]["title"]
        words = endpoint_id.removeprefix("fal-ai/").replace("/", "-").split("-")
        name = "".join(word.capitalize() for word in words)
        module = models(document, folder)
        answer = getattr(module, f"{name}Output")(video=VIDEO)
        yield endpoint_id, route(f"/generated/{endpoint_id}", getattr(module, f"{name}Input"), answer)


def written(ids: set[str]) -> Iterator[tuple[str, Any]]:
    """Shipped models, by classes as an author would write them."""
    for endpoint_id, record in author.records(ids).items():
        source, name = author.Author(record).source(record["input"])
        module = ModuleType(f"written_{len(sys.modules)}")
        sys.modules[module.__name__] = module
        exec(compile(source, endpoint_id, "exec"), module.__dict__)
        yield endpoint_id, route(f"/written/{endpoint_id}", getattr(module, name), Done())


def build(ids: set[str]) -> Any:
    """The application with a route for every document and every id."""
    with tempfile.TemporaryDirectory() as folder:
        every = [*generated(Path(folder)), *written(ids)]
    routes = {f"run_{number}": one for number, (_, one) in enumerate(every)}
    return type("Models", (fal.App,), routes)(_allow_init=True)._build_app()


def stop_at_the_end_of_input(server: uvicorn.Server) -> None:
    """Whoever started this keeps its standard input open as long as it is needed."""
    sys.stdin.read()
    server.should_exit = True


def main() -> None:
    """Serve until stdin is closed by whoever started this."""
    application = build(set(sys.argv[1:]))
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    bound.listen()  # callers may come from now on, and wait
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    answers, sys.stdout = sys.stdout, sys.stderr  # fal's runtime prints, too
    config = uvicorn.Config(application, log_level="error", access_log=False, timeout_keep_alive=KEEP_ALIVE_SECONDS)
    server = uvicorn.Server(config)
    answers.write(json.dumps({"port": bound.getsockname()[1], "versions": versions}) + "\n")
    answers.flush()
    threading.Thread(target=stop_at_the_end_of_input, args=[server], daemon=True).start()
    server.run(sockets=[bound])


if __name__ == "__main__":
    os.environ.pop("FAL_KEY", None)
    main()
