"""The profiles: what a certificate holds is decided in their files and nowhere else.

The project's own stand in `data/`. An installation replaces one by a whole file of the same name in its
home's `profiles/`; `pki.profiles.loading` says what a file may hold.
"""

from collections.abc import Mapping
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
    "KeyUsageBit",
    "Life",
    "ProfileDefinition",
    "SubjectForm",
    "load_definitions",
]

Definitions: TypeAlias = Mapping[Profile, ProfileDefinition]
"""The profiles that an installation issues by."""
MAX_FILE_BYTES = 65_536


def load_definitions(overrides: Path | None = None) -> Definitions:
    """All profiles; those with a file in `overrides` as that file has them. Raises ProfileError."""
    if overrides is None or not overrides.is_dir():
        return DEFINITIONS
    return {
        profile: _overridden(overrides / _file_name(profile), packaged)
        for profile, packaged in _without_strangers(overrides).items()
    }


def _without_strangers(overrides: Path) -> Definitions:
    """A misspelt file would leave its profile as it is, unnoticed. Raises ProfileError."""
    names = {_file_name(profile) for profile in Profile}
    for path in sorted(overrides.glob("*.toml")):
        if path.name not in names:
            raise ProfileError(path.name, "", "there is no such profile")
    return DEFINITIONS


def _overridden(path: Path, packaged: ProfileDefinition) -> ProfileDefinition:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return packaged
    except OSError as error:
        raise ProfileError(path.name, "", "can't be read") from error
    if len(text) > MAX_FILE_BYTES:
        raise ProfileError(path.name, "", "is too long")
    definition = read_profile(path.name, text, packaged.profile)
    check_combinations(path.name, definition)
    check_override(path.name, packaged, definition)
    return definition


def _packaged(profile: Profile) -> ProfileDefinition:
    name = _file_name(profile)
    definition = read_profile(name, (files(__package__) / "data" / name).read_bytes(), profile)
    check_combinations(name, definition)
    return definition


def _file_name(profile: Profile) -> str:
    return f"{profile.value}.toml"


DEFINITIONS: Definitions = {profile: _packaged(profile) for profile in Profile}
"""The project's own profiles."""
