"""What commands say of themselves, and how they find their settings."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fakefal.cli import main
from fakefal.settings import SettingsError, load_settings
from fakefal_contracts import BUILT_IN
from fakefal_contracts.openapi import openapi
from support.commands import all_commands, examples_of
from support.media import clip, picture
from support.programs import FAKEFAL
from support.waiting import run_program

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("words", [*all_commands()], ids=" ".join)
def test_every_help_has_examples_that_can_be_typed(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed = examples_of(words)
    assert typed
    for line in typed:
        assert f"fakefal {' '.join(words)}".strip() in line
        for file in re.findall(r" ([\w./@-]+\.(?:json|ts))\b", line):
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).touch()
        given = shlex.split(line.rpartition("| ")[2].partition(" > ")[0])[1:]
        command: click.Command = main
        context = click.Context(main)
        while isinstance(command, click.Group) and (found := command.get_command(context, given[0])):
            command = found
            context = command.make_context(given[0], given[1:], parent=context)
            given = given[1:]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["chekc"], "Did you mean 'check'?"),
        (["models", "shw"], "'show'"),
        (["run", "--profle", "instant", "--", "true"], "--profile"),
    ],
)
def test_a_misspelt_word_gets_a_suggestion(typed: list[str], meant: str) -> None:
    done = CliRunner().invoke(main, typed)
    assert done.exit_code == 2
    assert meant in done.output


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("list", "No such command 'list'. To list models, type: fakefal models\n"),
        ("kling o1", "No such command 'kling o1'. To list models, type: fakefal models --search 'kling o1'\n"),
    ],
)
def test_who_looks_for_a_list_of_models_is_told_how(typed: str, said: str) -> None:
    done = CliRunner().invoke(main, ["models", typed])
    assert done.exit_code == 2
    assert said in done.output


def test_an_unlike_word_gets_none() -> None:
    done = CliRunner().invoke(main, ["xyz"])
    assert "No such command 'xyz'. To list them, type: fakefal --help\n" in done.output


FLUX = "fal-ai/flux/dev"
PRICE = f'[prices."{FLUX}"] usd = "0.025", unit = "image"'


class TestTheSettingsFile:
    @pytest.fixture
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A repository with settings; the current folder is one within it."""
        (tmp_path / "fakefal.toml").write_text("runners = 1\n")
        project = tmp_path / "project"
        (project / ".git").mkdir(parents=True)
        (project / "src" / "app").mkdir(parents=True)
        monkeypatch.chdir(project / "src" / "app")
        return project

    def test_it_is_found_from_a_folder_below(self, project: Path) -> None:
        (project / "fakefal.toml").write_text("runners = 3\n")
        assert load_settings(environ={}).runners == 3
        (project / "src" / "fakefal.toml").write_text("runners = 4\n")
        assert load_settings(environ={}).runners == 4

    def test_one_above_the_repository_is_not_read(self, project: Path) -> None:
        assert not (project / "fakefal.toml").exists()
        assert load_settings(environ={}).runners == 10

    def test_one_above_the_home_is_not_read(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (project / ".git").rmdir()
        assert load_settings(environ={}).runners == 1
        monkeypatch.setenv("HOME", str(project))
        assert load_settings(environ={}).runners == 10

    def test_its_paths_start_at_its_folder(self, project: Path) -> None:
        (project / "fakefal.toml").write_text(
            'models = ["models/"]\n'
            'spool = "spool"\n'
            "effects = [\"respond(video='clip.mp4') when nth=1\", 'stuck', \"respond(video='https://a.example/b.mp4')\"]\n"
            '[results]\n"fal-ai/flux/dev" = "mine.png"\n"fal-ai/wizper" = { text = "Hello" }\n'
        )
        (project / "models").mkdir()
        (project / "models" / "dev.json").write_text(json.dumps(openapi(BUILT_IN.find(FLUX).edition("latest"))))
        (project / "mine.png").write_bytes(picture())
        clip(project / "clip.mp4", seconds=1)
        settings = load_settings(environ={})
        assert settings.models == (project / "models",)
        assert settings.spool == project / "spool"
        assert settings.results == {"fal-ai/flux/dev": project / "mine.png", "fal-ai/wizper": {"text": "Hello"}}
        answered, *others = settings.effects
        assert answered == f"respond(video={project}/clip.mp4) when nth=1"
        assert others == ["stuck", "respond(video='https://a.example/b.mp4')"]

    def test_an_error_in_it_names_it(self, project: Path) -> None:
        (project / "fakefal.toml").write_text('profile = "fast"\n')
        with pytest.raises(SettingsError, match=re.escape(f"in {project / 'fakefal.toml'}: profile cannot be 'fast'")):
            load_settings(environ={})

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ("prices = 5", f"prices cannot be 5: write {PRICE}"),
            (f'[prices]\n"{FLUX}" = 0.5', f'prices."{FLUX}" cannot be 0.5: write {PRICE}'),
            (f'[prices."{FLUX}"]\nusd = 1', f'prices."{FLUX}".unit is missing: write {PRICE}'),
            (f'[prices."{FLUX}"]\nusd = 1\nunits = "image"', f'prices."{FLUX}".units does not exist: write'),
            (f'[prices."{FLUX}"]\nusd = -1\nunit = "image"', f'prices."{FLUX}".usd cannot be -1: give an amount'),
            (
                f'[prices."{FLUX}"]\nusd = 1\nunit = "images"',
                ".unit cannot be 'images': use 'second', ",
            ),
            (f'[prices."{FLUX[:-1]}"]\nusd = 1\nunit = "image"', f"unknown model {FLUX[:-1]}: did you mean {FLUX}?"),
            (f'[results]\n"{FLUX[:-1]}" = {{}}', f"results: unknown model {FLUX[:-1]}: did you mean {FLUX}?"),
            ('keys = ["a:b"]', 'keys cannot be used: write [keys] my-id = "my-secret"'),
            ("[keys]\na = []", 'keys.a cannot be used: write [keys] my-id = "my-secret"'),
            ("models = 5", 'models cannot be 5: write models = ["fal-models/"]'),
            ("models = [5]", 'models cannot be 5: write models = ["fal-models/"]'),
            ("effects = 5", 'effects cannot be 5: write effects = ["stuck when nth=2"]'),
            ("spool = 5", "spool cannot be 5: give a path in quotes"),
            ("render = 5", "render cannot be 5: give true or false"),
            ("seed = []", "seed cannot be []: give a text in quotes"),
        ],
    )
    def test_a_wrong_value_of_the_file_is_named_with_what_to_write(self, given: str, says: str, project: Path) -> None:
        file = project / "fakefal.toml"
        file.write_text(given)
        with pytest.raises(SettingsError) as refused:
            load_settings(environ={})
        assert str(refused.value).startswith(f"in {file}: ")
        assert says in str(refused.value)

    def test_config_names_another_file(self, project: Path) -> None:
        (project / "other.toml").write_text('models = ["no-such-folder"]\n')
        for typed in (["models", "--config", "../../other.toml"], ["models", "show", "fal-ai/flux/dev"]):
            done = CliRunner().invoke(main, [*typed, *(["--config", "../../other.toml"] if "show" in typed else [])])
            assert done.exit_code == 2
            assert "no-such-folder" in done.output

    def test_who_serves_or_runs_is_told_which_one_is_read(self, project: Path) -> None:
        (project / "fakefal.toml").write_text('profile = "instant"\n')
        ran = run_program([*FAKEFAL, "run", "--", "true"])
        assert ran.stderr.splitlines()[0] == f"fakefal: settings from {project}/fakefal.toml"
        assert "settings from" not in run_program([*FAKEFAL, "run", "--", "true"], cwd="/").stderr
        command = [*FAKEFAL, "serve", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
            assert serving.stdout is not None
            said = serving.stdout.readline()
            serving.terminate()
        assert f"(profile instant, contract latest, settings from {project}/fakefal.toml)" in said

    def test_a_file_that_does_not_exist_is_an_error(self, project: Path) -> None:
        done = CliRunner().invoke(main, ["check", "--config", f"{project}/none.toml", "fal-ai/flux/dev"])
        assert done.exit_code == 2
        assert "does not exist" in done.output

    def test_every_command_that_reads_settings_takes_it(self) -> None:
        context = click.Context(main)
        missing = []
        for words in all_commands():
            command: click.Command = main
            for word in words:
                assert isinstance(command, click.Group)
                command = command.get_command(context, word) or command
            options = {one for parameter in command.params for one in parameter.opts}
            if "--config" not in options:
                missing.append(" ".join(words))
        assert missing == ["", "env", "models add", "effects", "demo", "health"]
