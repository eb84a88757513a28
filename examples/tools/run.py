"""Calls every function of an example, and prints for each what it returned: ``python run.py lite_llm``."""

import asyncio
import importlib
import inspect
import json
import sys
from collections.abc import Callable, Iterator


def calls(name: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """The functions of an example, each as one that blocks."""
    example = importlib.import_module(name)
    for task, function in vars(example).items():
        if inspect.isfunction(function) and function.__module__ == name:
            blocking = inspect.iscoroutinefunction(function)
            yield task, (lambda function=function: asyncio.run(function())) if blocking else function


if __name__ == "__main__":
    for task, call in calls(sys.argv[1]):
        try:
            said = {"task": task, "made": call()}
        except Exception as error:  # noqa: BLE001 - whatever a tool makes of a refusal is shown
            said = {"task": task, "error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(said), flush=True)
