"""Google's Wycheproof vectors, which stay outside the project: `HOVIAT_TEST_DATA`/wycheproof."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Case = dict[str, Any]
"""A test, and what its group says of key and sizes."""


def cases(folder: Path, name: str) -> Iterator[Case]:
    """The tests of `<name>_test.json` in the folder of public test data, each with its group's fields."""
    suite = json.loads((folder / "wycheproof" / f"{name}_test.json").read_text("utf-8"))
    for group in suite["testGroups"]:
        common = {field: value for field, value in group.items() if field != "tests"}
        for case in group["tests"]:
            yield {**common, **case}


def octets(case: Case, field: str) -> bytes:
    """A field in hexadecimal."""
    return bytes.fromhex(case[field])
