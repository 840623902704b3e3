"""Whether files can be made in a folder, found out without leaving anything behind."""

from pathlib import Path
from tempfile import TemporaryFile


def require_writable(folder: Path) -> None:
    """A file could be made here, once the folders above it that lack are made. Raises OSError."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    with TemporaryFile(dir=there):
        pass


def lies_in(path: Path, folder: Path) -> bool:
    """Whether the path is the folder, or somewhere below it."""
    inner, outer = path.resolve(), folder.resolve()
    return inner == outer or outer in inner.parents
