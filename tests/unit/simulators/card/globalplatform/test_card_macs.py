"""AES-CMAC as the card computes it, against Wycheproof and the examples of SP 800-38B."""

import json
from pathlib import Path

import pytest

from simulators.card.globalplatform.scp03 import KEY_LENGTHS, cmac
from tests.wycheproof import cases, octets

# NIST SP 800-38B, examples D.1 to D.3: key, message, MAC
VECTORS = json.loads((Path(__file__).parents[4] / "vectors" / "cardio_scp03.json").read_text())["cmac"]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_the_standard_s_examples(vector: dict[str, str]) -> None:
    key, message = bytes.fromhex(vector["key"]), bytes.fromhex(vector["message"])
    assert cmac(key, message) == bytes.fromhex(vector["mac"])


def test_wycheproof_s(test_data: Path) -> None:
    counted = {"valid": 0, "invalid": 0}
    for case in cases(test_data, "aes_cmac"):
        if len(octets(case, "key")) in KEY_LENGTHS:
            is_right = cmac(octets(case, "key"), octets(case, "msg")) == octets(case, "tag")
            assert is_right == (case["result"] == "valid"), case["tcId"]
            counted[case["result"]] += 1
    assert all(counted.values())
