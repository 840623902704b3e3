"""Master keys on a token give the bytes that the same key in a file gives, and the vectors' bytes."""

import json
from collections.abc import Iterator
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass

from pki.errors import KeyMissingError, TokenError
from pki.keys.masterkeys import FileMasterKey, counter_blocks
from pki.keys.store import KeyStore
from pki.keys.token.place import TokenKeys
from pki.keys.token.session import TokenSession

KEY = bytes(range(32))


def put_in(
    token_keys: TokenKeys,
    key: bytes,
    label: str = "master-card",
    changes: dict[Attribute, bool] | None = None,
) -> None:
    """Writes a known key on the token; real ones are made there."""
    attributes = {
        Attribute.CLASS: ObjectClass.SECRET_KEY,
        Attribute.KEY_TYPE: KeyType.AES,
        Attribute.LABEL: label,
        Attribute.VALUE: key,
        Attribute.TOKEN: True,
        Attribute.PRIVATE: True,
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.SIGN: True,
    } | (changes or {})
    token_keys._lane.run_once(lambda session: session._raw.create_object(attributes))


def cmac(token_keys: TokenKeys, label: str, messages: list[bytes]) -> list[bytes]:
    def work(session: TokenSession) -> list[bytes]:
        key = session.secret_key(label)
        return [key.sign(message, mechanism=Mechanism.AES_CMAC) for message in messages]

    return token_keys._lane.run(work)


@pytest.mark.parametrize(
    ("label", "context", "length"),
    [(b"9B", b"", 1), (b"9B", b"c", 16), (b"l" * 40, b"\0" * 33, 17), (b"\0", "هویت".encode(), 1024)],
)
def test_the_token_derives_what_a_file_derives(
    store: KeyStore, token_keys: TokenKeys, label: bytes, context: bytes, length: int
) -> None:
    put_in(token_keys, KEY)
    key = store.open_master_keys(("card",))["card"]
    assert key.derive(label, context, length) == FileMasterKey(KEY).derive(label, context, length)


RFC_4493_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
SP_800_38B_KEY = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)


@pytest.mark.parametrize(
    ("key", "macs"),
    [
        # RFC 4493 §4: AES-128 over 0, 16, 40 and 64 bytes
        (
            RFC_4493_KEY,
            {
                0: "bb1d6929e95937287fa37d129b756746",
                16: "070a16b46b4d4144f79bdd9dd04a287c",
                40: "dfa66747de9ae63030ca32611497c827",
                64: "51f0bebf7e3b9d92fc49741779363cfe",
            },
        ),
        # SP 800-38B, Appendix D.3 (2005 edition): AES-256 over the same
        (
            SP_800_38B_KEY,
            {
                0: "028962f61b7bf89efc6b551f4667d983",
                16: "28a7023f452e8f82bd4bf28d8c37c35c",
                40: "aaf3d8f1de5640c232f5b169b9c911e6",
                64: "e1992190549f6ed5696a2c056c315410",
            },
        ),
    ],
    ids=["aes-128", "aes-256"],
)
def test_the_token_makes_the_macs_of_the_specifications(
    token_keys: TokenKeys, key: bytes, macs: dict[int, str]
) -> None:
    put_in(token_keys, key)
    made = cmac(token_keys, "master-card", [MESSAGE[:length] for length in macs])
    assert [mac.hex() for mac in made] == list(macs.values())


def test_the_token_makes_wycheproofs_macs(token_keys: TokenKeys, test_data: Path) -> None:
    groups = json.loads((test_data / "wycheproof" / "aes_cmac_test.json").read_text())["testGroups"]
    tests = [test for group in groups if group["keySize"] == 256 for test in group["tests"]]
    by_key: dict[str, list[dict[str, str]]] = {}
    for test in tests:
        by_key.setdefault(test["key"], []).append(test)
    assert len(tests) > 100
    for number, (key, cases) in enumerate(by_key.items()):
        put_in(token_keys, bytes.fromhex(key), f"k{number}", {Attribute.TOKEN: False})
        macs = cmac(token_keys, f"k{number}", [bytes.fromhex(case["msg"]) for case in cases])
        for case, mac in zip(cases, macs, strict=True):
            assert (mac.hex() == case["tag"]) is (case["result"] == "valid"), case["comment"]


def nist_cases() -> Iterator[dict[str, str]]:
    """SP 800-108's CAVP cases of AES-256-CMAC with a 32-bit counter before the fixed input."""
    section: list[str] = []
    case: dict[str, str] = {}
    path = Path(cryptography_vectors.__file__).parent / "KDF" / "nist-800-108-KBKDF-CTR.txt"
    for line in path.read_text().splitlines():
        if line.startswith("[PRF="):
            section = [line]
        elif line.startswith("["):
            section.append(line)
        elif line.startswith("COUNT="):
            case = {}
        elif "=" in line:
            name, value = (part.strip() for part in line.split("=", 1))
            case[name.split()[-1]] = value
            if name == "KO" and section == [
                "[PRF=CMAC_AES256]",
                "[CTRLOCATION=BEFORE_FIXED]",
                "[RLEN=32_BITS]",
            ]:
                yield case


def test_files_and_tokens_give_nists_derived_keys(token_keys: TokenKeys) -> None:
    cases = list(nist_cases())
    assert len(cases) == 40
    for number, case in enumerate(cases):
        key, fixed, output = (bytes.fromhex(case[name]) for name in ("KI", "FixedInputData", "KO"))
        put_in(token_keys, key, f"k{number}", {Attribute.TOKEN: False})
        assert (
            b"".join(cmac(token_keys, f"k{number}", counter_blocks(fixed, len(output))))[: len(output)]
            == output
        )
        assert _kbkdf(fixed, len(output)).derive(key) == output


def _kbkdf(fixed: bytes, length: int) -> KBKDFCMAC:
    """The one that `FileMasterKey` uses, given the fixed input as a whole."""
    return KBKDFCMAC(AES, Mode.CounterMode, length, 4, None, CounterLocation.BeforeFixed, None, None, fixed)


def test_a_master_key_is_made_to_stay(store: KeyStore, token_keys: TokenKeys) -> None:
    store.create_master_keys(("card",))
    wanted = {
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.ALWAYS_SENSITIVE: True,
        Attribute.NEVER_EXTRACTABLE: True,
        Attribute.LOCAL: True,
        Attribute.PRIVATE: True,
        Attribute.TOKEN: True,
        Attribute.ENCRYPT: False,
        Attribute.DECRYPT: False,
        Attribute.WRAP: False,
        Attribute.UNWRAP: False,
        Attribute.DERIVE: False,
        Attribute.VALUE_LEN: 32,
        Attribute.KEY_TYPE: KeyType.AES,
    }
    found = token_keys._lane.run(
        lambda session: {name: session._one(ObjectClass.SECRET_KEY, "master-card")[name] for name in wanted}
    )
    assert found == wanted


@pytest.mark.parametrize(
    ("attribute", "value"),
    [(Attribute.EXTRACTABLE, True), (Attribute.SENSITIVE, False), (Attribute.SIGN, False)],
    ids=["extractable", "not sensitive", "not signing"],
)
def test_a_master_key_that_could_leave_or_does_not_sign_is_not_used(
    store: KeyStore, token_keys: TokenKeys, attribute: Attribute, value: bool
) -> None:
    put_in(token_keys, KEY, changes={attribute: value})
    with pytest.raises(TokenError):
        store.open_master_keys(("card",))


def test_the_master_keys_that_are_missing_are_made_after_a_crash(
    store: KeyStore, token_keys: TokenKeys
) -> None:
    put_in(token_keys, KEY)
    assert not store.has_master_keys(("card", "factory"))
    keys = store.create_master_keys(("card", "factory"))
    assert keys["card"].derive(b"l", b"c", 16) == FileMasterKey(KEY).derive(b"l", b"c", 16)


def test_a_lost_master_key_is_called_missing(store: KeyStore, token_keys: TokenKeys) -> None:
    key = store.create_master_keys(("card",))["card"]
    token_keys._lane.run(lambda session: session._one(ObjectClass.SECRET_KEY, "master-card").destroy())
    with pytest.raises(KeyMissingError):
        key.derive(b"l", b"c", 16)
