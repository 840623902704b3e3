"""The profiles: what a certificate holds is decided in their files and nowhere else.

The project's own stand in `data/`. An installation replaces one by a whole file of the same name in its
home's `profiles/`; `pki.profiles.loading` says what a file may hold.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias

from pki.errors import ProfileError
from pki.profiles.combinations import check_combinations, check_override
from pki.profiles.loading import read_profile
from pki.profiles.profile import Profile
from pki.profiles.shape import CaRole, KeyUsageBit, Life, ProfileDefinition, SubjectForm

__all__ = [
    "DEFINITIONS",
    "CaRole",
    "Definitions",
    "HomeDefinitions",
    "KeyUsageBit",
    "Life",
    "ProfileDefinition",
    "SubjectForm",
    "faults_of",
    "load_definitions",
    "warn_of_faults",
]

Definitions: TypeAlias = Mapping[Profile, ProfileDefinition]
"""The profiles that an installation issues by."""
MAX_FILE_BYTES = 65_536
_SUFFIX = ".toml"
_LOG = logging.getLogger(__name__)


class HomeDefinitions(Mapping[Profile, ProfileDefinition]):
    """The project's profiles, those with a file in a home's folder as that file has them.

    All are read once, at the start. One that can't be used stops nothing but its own use: to look it up
    raises ProfileError, and reads its file anew, so that a mended file needs no restart.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._usable: dict[Profile, ProfileDefinition] = {}
        for profile in Profile:
            with suppress(ProfileError):
                self[profile]

    def __getitem__(self, profile: Profile) -> ProfileDefinition:
        """Raises ProfileError, which names the file and the field."""
        found = self._usable.get(profile)
        if found is None:
            found = self._usable[profile] = _overridden(
                self._folder / _file_name(profile), DEFINITIONS[profile]
            )
        return found

    def __iter__(self) -> Iterator[Profile]:
        return iter(Profile)

    def __len__(self) -> int:
        return len(Profile)

    def faults(self) -> tuple[ProfileError, ...]:
        """What is wrong now: profiles that can't be used, files that are none's, a folder that is none."""
        found = []
        for profile in self:
            try:
                self[profile]
            except ProfileError as error:
                found.append(error)
        return (*found, *self._strangers())

    def _strangers(self) -> Iterator[ProfileError]:
        """A misspelt file would leave its profile as it is, unnoticed."""
        names = {_file_name(profile) for profile in Profile}
        try:
            there = sorted(path.name for path in self._folder.iterdir())
        except OSError:
            yield ProfileError(self._folder.name, "", "is no folder that can be read")
            return
        for name in there:
            if name.endswith(_SUFFIX) and name not in names:
                yield ProfileError(name, "", "there is no such profile")


def load_definitions(overrides: Path | None = None) -> Definitions:
    """All profiles; those with a file in `overrides` as that file has them. Raises nothing, see there."""
    if overrides is None or not (overrides.exists() or overrides.is_symlink()):
        return DEFINITIONS
    return HomeDefinitions(overrides)


def faults_of(definitions: Definitions) -> tuple[ProfileError, ...]:
    """Why some of an installation's profiles are not what its files say."""
    return definitions.faults() if isinstance(definitions, HomeDefinitions) else ()


def warn_of_faults(definitions: Definitions) -> None:
    """Says each fault at the start of what serves or issues."""
    for fault in faults_of(definitions):
        _LOG.warning("a profile can't be used: %s", fault)


def _overridden(path: Path, packaged: ProfileDefinition) -> ProfileDefinition:
    text = _read(path)
    if text is None:
        return packaged
    definition = read_profile(path.name, text, packaged.profile)
    check_combinations(path.name, definition)
    check_override(path.name, packaged, definition)
    return definition


def _read(path: Path) -> bytes | None:
    """The file's bytes; None where there is none. Raises ProfileError."""
    try:
        if not path.exists() and not path.is_symlink():
            return None
        if not path.is_file():  # a pipe would be waited for
            raise ProfileError(path.name, "", "can't be read: it is no file")
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ProfileError(path.name, "", f"can't be read: {error.strerror}") from error
    if len(text) > MAX_FILE_BYTES:
        raise ProfileError(path.name, "", "is too long")
    return text


def _packaged(profile: Profile) -> ProfileDefinition:
    name = _file_name(profile)
    definition = read_profile(name, (files(__package__) / "data" / name).read_bytes(), profile)
    check_combinations(name, definition)
    return definition


def _file_name(profile: Profile) -> str:
    return f"{profile.value}{_SUFFIX}"


DEFINITIONS: Definitions = {profile: _packaged(profile) for profile in Profile}
"""The project's own profiles."""
