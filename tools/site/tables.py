"""Parts of the reference that are made from the code when the site is built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import griffe

from fakefal.cli import main
from fakefal.effects.known import KNOWN, VALUES
from fakefal.settings import PREFIX, Settings
from fakefal_contracts import BUILT_IN, KLING
from fakefal_contracts.failures import MODEL_ERRORS, PLATFORM_ERRORS
from tools.site.calls import control_calls

CONTRACTS = Path(__file__).parents[2] / "contracts" / "fakefal_contracts"
HELP_WIDTH = 100
"""The line width of the help, in characters."""


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '&#124;') for cell in line)} |" for line in lines)


def settings() -> str:
    """Every setting with its option, its variable and its default."""
    options = _options()
    rows = [
        (
            f"`{name}`",
            f"`{options[name]}`" if name in options else "",
            f"`{PREFIX}{name.upper()}`",
            _shown(field.default),
        )
        for name, field in Settings.model_fields.items()
    ]
    return table(("setting", "option", "in the environment", "default"), rows)


def _plain(docstring: str) -> str:
    """The text of a docstring as Markdown, on one line."""
    return " ".join(docstring.split()).replace("``", "`")


def _shown(default: object) -> str:
    if default is None or default == "":
        return "none"
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, int):
        return f"{default:,}"
    return f"`{default}`" if isinstance(default, str) else "none"


def commands() -> str:
    """The help of every command."""
    return "\n\n".join(_helps(main, None, "fakefal"))


def _helps(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    with click.Context(
        command, info_name=name, parent=parent, max_content_width=HELP_WIDTH, terminal_width=HELP_WIDTH
    ) as context:
        yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```"
        if isinstance(command, click.Group):
            for sub_name in command.list_commands(context):
                if (sub_command := command.get_command(context, sub_name)) is not None:
                    yield from _helps(sub_command, context, sub_name)


def _options() -> dict[str, str]:
    """The option of `serve` or `run` for each setting that has one."""
    found: dict[str, str] = {}
    for command in _commands("serve", "run"):
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                found.setdefault(str(parameter.name), " ".join(parameter.opts))
    return found


def _commands(*names: str) -> Iterator[click.Command]:
    group: Any = main
    with click.Context(group) as context:
        yield from (group.get_command(context, name) for name in names)


def model_errors() -> str:
    """The effects that are errors of a model."""
    rows = [(f"`{name}`", error.status, error.msg, _takes(name)) for name, error in MODEL_ERRORS.items()]
    return table(("effect", "status", "message", "arguments"), rows)


def platform_errors() -> str:
    """The effects that are errors of the platform."""
    rows = [(f"`{name}`", error.status, error.sentence, _takes(name)) for name, error in PLATFORM_ERRORS.items()]
    return table(("effect", "status", "message", "arguments"), rows)


def effect_values() -> str:
    """The arguments of effects and their values."""
    return table(("argument", "value"), [(f"`{name}`", words) for name, (words, _) in VALUES.items()])


def _takes(name: str) -> str:
    return ", ".join(f"`{one}`" for one in KNOWN[name])


def kinds_of_models() -> str:
    """How many models of each kind there are."""
    counted = Counter(one.category or "unknown" for one in BUILT_IN.headings.values())
    rows = [(f"`{kind}`", count) for kind, count in sorted(counted.items(), key=lambda one: (-one[1], one[0]))]
    return table(("kind", "models"), [*rows, ("all", f"**{len(BUILT_IN):,}**")])


def kling_models() -> str:
    """The Kling family with prices."""
    rows = []
    for name in KLING:
        endpoint = BUILT_IN.find(name)
        price = endpoint.price(endpoint.edition("latest").contract)
        rows.append((f"`{name}`", endpoint.category or "", price.in_words if price else "unknown"))
    return table(("model", "kind", "price"), rows)


def checks() -> str:
    """The functions that mkdocstrings cannot see, because modules have their names."""
    found = []
    for name, file in (("check", CONTRACTS / "__init__.py"), ("rulebook", CONTRACTS / "rulebooks.py")):
        module = griffe.visit(CONTRACTS.name, file, file.read_text("utf-8"), docstring_parser="google")
        found.append("\n".join(_function(module[name])))
    return "\n\n".join(found)


def _function(function: griffe.Function) -> Iterator[str]:
    yield f"### `{function.name}` {{ #{function.path} }}\n"
    yield f"```python\n{function.signature()}\n```\n"
    for section in function.docstring.parsed if function.docstring else ():
        if section.kind is griffe.DocstringSectionKind.text:
            yield _plain(section.value)
            continue
        yield f"\n**{section.kind.value.capitalize()}**\n"
        for one in section.value:
            yield f"- `{getattr(one, 'name', one.annotation)}`: {_plain(one.description)}"


TABLES: dict[str, Callable[[], str]] = {
    "checks": checks,
    "commands": commands,
    "settings": settings,
    "model-errors": model_errors,
    "platform-errors": platform_errors,
    "effect-values": effect_values,
    "kinds-of-models": kinds_of_models,
    "kling-models": kling_models,
    "control-calls": control_calls,
}
"""The tables that a page can request, by name."""
