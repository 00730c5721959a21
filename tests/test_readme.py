"""The README: short, its snippets run, its generated parts are up to date."""

import re
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def readme(repository):
    return (repository / "README.md").read_text(encoding="utf-8")


def test_readme_is_short(readme):
    assert readme.count("\n") < 200


def test_python_snippets_run(readme, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    assert len(snippets) >= 2
    namespace = {}
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), namespace)  # noqa: S102
    assert namespace["prediction"]["vrms"].unit == "km / s"
    assert namespace["many"]["vrms"].shape == (9, 41 * 41)


def test_commands_exist(readme):
    from zoo.cli import main

    commands = set(re.findall(r"^ +zoo ([a-z-]+)", readme, flags=re.MULTILINE))
    assert len(commands) >= 5
    assert commands <= set(main.commands), commands - set(main.commands)


def test_generated_parts_are_up_to_date(repository):
    script = repository / "docs" / "generate.py"
    run = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_links_lead_somewhere(readme, repository):
    links = re.findall(r"\]\((?!http)([^)#]+)\)", readme)
    assert links
    assert [link for link in links if not (repository / link).exists()] == []
