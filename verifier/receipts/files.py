"""Receipts and keys in files, for checking without a network."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from verifier.receipts.proof import Keys, read_jwk_set

_LONGEST = 1_000_000


class ReceiptFileError(Exception):
    """The file `path` can't be read, or is not what it is given for."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path.name}: {why}")
        self.path = path
        self.why = why


def read_receipt(path: Path) -> Mapping[str, Any]:
    """A receipt by itself, or in the answer or the problem that a site got. Raises ReceiptFileError."""
    document = _read(path)
    inner = document.get("receipt", document)
    if not isinstance(inner, dict) or "code" not in inner:
        raise ReceiptFileError(path, "holds no receipt")
    return inner


def read_keys(path: Path) -> Keys:
    """Keys as the verifier publishes them. Raises ReceiptFileError, ProofMalformedError."""
    return read_jwk_set(_read(path))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise ReceiptFileError(path, f"can't be read: {error.strerror}") from error
    if len(content) > _LONGEST:
        raise ReceiptFileError(path, "is too long")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReceiptFileError(path, "is not JSON") from error
    if not isinstance(document, dict):
        raise ReceiptFileError(path, "is no JSON object")
    return document
