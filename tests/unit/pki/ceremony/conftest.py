"""A national hierarchy founded by three officers, two of whom are needed, through the commands."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from pki import cli
from pki import home as homes
from pki.home import Home

OFFICERS = ("alef", "be", "pe")


@dataclass(frozen=True)
class Site:
    """A home, a folder kept elsewhere, and each officer's own medium."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def offline(self) -> Path:
        return self.folder / "offline"

    def share(self, officer: str) -> Path:
        return self.folder / f"{officer}.share"

    def opened(self) -> Home:
        return homes.load(self.home)

    def attended(self, *officers: str) -> list[str]:
        present = officers or OFFICERS[:2]
        options = [f"--officer={officer}={self.share(officer)}" for officer in present]
        return ["--offline", str(self.offline), *options]

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(_root(), ["--home", str(self.home), "pki", *arguments])

    def ceremony(self, *arguments: str, officers: tuple[str, ...] = ()) -> Any:
        """The summary of a ceremony that must go well."""
        result = self.run("ceremony", *arguments, *self.attended(*officers), "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def refused(self, *arguments: str, officers: tuple[str, ...] = ()) -> str:
        result = self.run("ceremony", *arguments, *self.attended(*officers))
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        return result.stderr

    def show(self) -> Any:
        return json.loads(self.run("ceremony", "show", "--json").stdout)


def _root() -> click.Group:
    @click.group()
    @click.option("--home", type=click.Path(path_type=Path))
    def root(home: Path) -> None: ...

    root.add_command(cli.pki)
    return root


@pytest.fixture
def new_site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="session")
def template_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOVIAT_PASSPHRASE", "HOVIAT_PKI_DATABASE"):
            patch.delenv(name, raising=False)
        site = Site(tmp_path_factory.mktemp("ceremony"))
        site.ceremony("found", officers=OFFICERS)
    return site


@pytest.fixture
def site(template_site: Site, tmp_path: Path) -> Site:
    shutil.copytree(template_site.folder, tmp_path, dirs_exist_ok=True)
    return Site(tmp_path)


Tamper = Callable[[bytes], bytes]
