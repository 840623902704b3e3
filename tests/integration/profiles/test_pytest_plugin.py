"""The pytest plugin, as another project uses it: the example of docs/testing.md, run by itself."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
PLUGIN = "simulators.pytest_plugin"
PAGE = (REPOSITORY / "docs" / "testing.md").read_text("utf-8")
_FILE = re.compile(r"^`(?P<name>[\w.]+)`:\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
TIMEOUT_S = 300


def run(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """pytest in a project with Hoviat on its path; the plugin is named, be it installed or not."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("HOVIAT_", "PYTEST_"))}
    quiet = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", PLUGIN, "-p", "no:cacheprovider", "-q", *arguments],
        cwd=project,
        env={**known, **quiet, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project, in which pytest finds no settings of ours."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '--strict-markers'\n")
    return folder


def files_below(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


def test_the_example_of_the_page_runs_and_writes_nowhere_else(tmp_path: Path) -> None:
    project, home, temporary = tmp_path / "project", tmp_path / "user", tmp_path / "temporary"
    for folder in (project, home, temporary):
        folder.mkdir()
    for match in _FILE.finditer(PAGE):
        (project / match["name"]).write_text(match["text"], "utf-8")
    before = files_below(project)
    outside = tmp_path / "outside.sqlite3"
    result = run(
        project,
        f"--basetemp={tmp_path / 'base'}",
        HOME=str(home),
        TMPDIR=str(temporary),
        HOVIAT_PKI_DATABASE=f"sqlite:///{outside}",
        HOVIAT_CRL_DIR=str(tmp_path / "crls"),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{PAGE.count('def test_')} passed" in result.stdout
    assert files_below(project) == before == {Path("pyproject.toml"), Path("test_my_client.py")}
    assert files_below(home) == files_below(temporary) == set()
    assert not outside.exists()
    assert not (tmp_path / "crls").exists()


def test_a_session_makes_one_home(project: Path, tmp_path: Path) -> None:
    (project / "test_it.py").write_text(
        "def test_one(hoviat_issued_card, hoviat_home):\n"
        "    assert hoviat_issued_card.file.parent == hoviat_home.cards\n"
        "def test_two(hoviat_office):\n"
        "    assert hoviat_office.issue('expired').profile.status == 'expired'\n"
        "def test_three(hoviat_office):\n"
        "    first, again = (hoviat_office.issue('adult', seed=7) for _ in range(2))\n"
        "    assert (first.pin, first.national_code) == (again.pin, again.national_code)\n"
        "    assert first.file != again.file\n"
    )
    result = run(project, f"--basetemp={tmp_path / 'base'}")
    assert result.returncode == 0, result.stdout
    homes = {path.resolve().parent for path in (tmp_path / "base").glob("*/*/hoviat.toml")}
    assert [home.name for home in homes] == ["home"]


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        ("hoviat_profile('nobody')", "nobody: is no card profile"),
        ("hoviat_profile()", "takes the name of one profile"),
        ("hoviat_conditions(colour=1)", "colour: is unknown"),
        ("hoviat_conditions(faults=[{'apdu': 0, 'effect': 'mute'}])", "fault 0"),
    ],
)
def test_a_mark_that_cannot_be_met_says_why(project: Path, mark: str, told: str) -> None:
    text = f"import pytest\n@pytest.mark.{mark}\ndef test_it(hoviat_connection):\n    pass\n"
    (project / "test_it.py").write_text(text)
    result = run(project)
    assert result.returncode == 1
    assert told in result.stdout


def test_a_swap_brings_the_other_card(project: Path) -> None:
    (project / "test_it.py").write_text(
        "from simulators.control.conditions import Conditions\n"
        "from cardio.piv.session import PivSession\n"
        "def test_it(hoviat_bench, hoviat_office, hoviat_reader):\n"
        "    first, other = hoviat_office.issue('adult'), hoviat_office.issue('child')\n"
        "    conditions = Conditions.from_json({'faults': [{'apdu': 2, 'effect': 'swap'}]})\n"
        "    session = PivSession(hoviat_bench.insert(first, hoviat_reader, conditions, other))\n"
        "    assert session.card_serial() == int(other.file.stem)\n"
    )
    result = run(project)
    assert result.returncode == 0, result.stdout


def test_a_run_without_the_fixtures_imports_nothing_for_them(project: Path) -> None:
    (project / "test_it.py").write_text(
        "import json, sys\ndef test_it():\n    print('MODULES', json.dumps([name for name in sys.modules]))\n"
    )
    result = run(project, "-s")
    assert result.returncode == 0, result.stdout
    modules = json.loads(result.stdout.partition("MODULES ")[2].splitlines()[0])
    ours = {name for name in modules if name.split(".")[0] in {"simulators", "cardio", "pki", "issuance"}}
    assert ours == {"simulators", PLUGIN}
    assert not {"cryptography", "sqlalchemy", "smartcard"} & set(modules)


def test_the_package_registers_the_plugin() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"hoviat": PLUGIN}


def test_the_page_names_every_fixture() -> None:
    source = (REPOSITORY / "simulators" / "pytest_plugin.py").read_text("utf-8")
    for fixture in re.findall(r"^def (hoviat_\w+)", source, re.MULTILINE):
        assert f"`{fixture}" in PAGE
