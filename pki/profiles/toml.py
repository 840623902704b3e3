"""The door to TOML: any fault in a file is a ProfileError that names it."""

import tomllib

from pki.errors import ProfileError


def parse_toml(file: str, text: bytes) -> dict[str, object]:
    """The content of a TOML file. Raises ProfileError."""
    try:
        return tomllib.loads(text.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ProfileError(file, "", f"is no TOML: {error}") from error
