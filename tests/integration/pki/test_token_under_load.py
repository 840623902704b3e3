"""A process signs without pause while its token is reset, taken away, put back and killed under it.

Whatever happens, it gets a valid signature or a typed error, and signs again once the key is there again.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pki.keys.kinds import KeyKind
from pki.keys.store import KeyStore
from tests.softhsm import CONFIGURATION_VARIABLE, PIN, SoftHsm

pytestmark = pytest.mark.slow

VALID = "valid"
TYPED = {
    "KeyMissingError",
    "TokenMissingError",
    "TokenUnavailableError",
    "TokenError",
    "KeyChangedError",
    "PinError",
}
WRONG_PIN = "WrongPinError"
MOST_LINES = 200_000
LINES_TO_NOTICE = 2_000
ATTEMPTS = 20

SIGN_FOR_EVER = """
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from pki.errors import KeyStoreError
from pki.keys.store import KeyStore

location, pin, uri, threads = sys.argv[1:]
store = KeyStore.from_settings(Path("."), location, bytes, pin)
signer = store.open(uri)
number = 0

def sign_once():
    global number
    number += 1
    message = str(number).encode()
    try:
        signature = signer.sign(message, SHA256())
    except KeyStoreError as error:
        return type(error).__name__
    signer.public_key.verify(signature, message, ec.ECDSA(SHA256()))
    return "valid"

def sign_on():
    while True:
        os.write(1, f"{sign_once()}{os.linesep}".encode())  # whole lines, whichever thread

with ThreadPoolExecutor(int(threads)) as pool:
    done = [pool.submit(sign_on) for _ in range(int(threads))]
    for future in done:
        future.result()
"""


class Load:
    """The signing process, and what it printed so far."""

    def __init__(self, token: SoftHsm, uri: str, threads: int) -> None:
        self.seen: Counter[str] = Counter()
        self._process = subprocess.Popen(
            [sys.executable, "-c", SIGN_FOR_EVER, token.location, PIN, uri, str(threads)],
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                CONFIGURATION_VARIABLE: str(token.configuration),
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
        )

    def until(self, wanted: Callable[[str], bool], times: int = 1) -> None:
        """Reads on until as many such lines came, and fails if the process ended before."""
        if not self.comes(wanted, times, MOST_LINES):
            pytest.fail(f"no such line came, only {self.seen}")

    def comes(self, wanted: Callable[[str], bool], times: int, within: int) -> bool:
        """Whether as many such lines come within so many."""
        assert self._process.stdout is not None
        for _ in range(within):
            line = self._process.stdout.readline()
            assert line, f"the process ended: {self._process.wait()}"
            line = line.strip()
            self.seen[line] += 1
            times -= wanted(line)
            if not times:
                return True
        return False

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def uri(softhsm: SoftHsm, tmp_path: Path) -> str:
    store = KeyStore.from_settings(tmp_path, softhsm.location, bytes, PIN)
    made = store.create("root-g1", KeyKind.P256)
    store.close()
    softhsm.back_up()
    return made


@pytest.fixture(params=[1, 4], ids=["one thread", "four threads"])
def load(request: pytest.FixtureRequest, softhsm: SoftHsm, uri: str) -> Iterator[Load]:
    signing = Load(softhsm, uri, request.param)
    yield signing
    signing.kill()


def valid(line: str) -> bool:
    return line == VALID


def failed(line: str) -> bool:
    return line != VALID


def reset(token: SoftHsm, pin: str | None = None) -> None:
    """softhsm2-util may stumble over the other process too; then the officer begins again."""
    for _ in range(ATTEMPTS):
        try:
            token.reset(pin)
        except subprocess.CalledProcessError:
            token.restore()
        else:
            return
    pytest.fail("the token could not be initialised")


def test_a_token_that_disappears_and_comes_back(softhsm: SoftHsm, load: Load) -> None:
    for _ in range(3):
        load.until(valid, 20)
        softhsm.take_out()
        load.until(failed, 3)
        softhsm.put_back()
    load.until(valid, 20)
    assert set(load.seen) <= TYPED | {VALID}


def test_a_token_that_is_initialised_anew_and_restored(softhsm: SoftHsm, load: Load) -> None:
    for _ in range(3):
        load.until(valid, 20)
        reset(softhsm)
        load.until(failed, 3)
        softhsm.restore()
    load.until(valid, 20)
    assert set(load.seen) <= TYPED | {VALID}


def test_a_token_whose_pin_changed_is_asked_once(softhsm: SoftHsm, load: Load) -> None:
    load.until(valid, 5)
    for _ in range(ATTEMPTS):
        reset(softhsm, "998877")
        # A login in SoftHSM rewrites the token's object whole, and may put the old PIN back over the new.
        if load.comes(lambda line: line == WRONG_PIN, 50, LINES_TO_NOTICE):
            break
    else:
        pytest.fail(f"the new PIN was never noticed, only {load.seen}")
    assert set(load.seen) <= TYPED | {VALID, WRONG_PIN}


def test_object_files_that_vanish_and_come_back(softhsm: SoftHsm, load: Load) -> None:
    load.until(valid, 20)
    objects = [path for path in softhsm.tokens.glob("*/*.object") if path.name != "token.object"]
    assert len(objects) == 2
    for _ in range(3):
        for path in objects:
            path.rename(path.with_suffix(".away"))
        load.until(failed, 3)
        for path in objects:
            path.with_suffix(".away").rename(path)
        load.until(valid, 20)
    assert set(load.seen) <= TYPED | {VALID}


def test_a_killed_process_leaves_the_token_to_others(softhsm: SoftHsm, uri: str) -> None:
    for _ in range(3):
        first, second = Load(softhsm, uri, 2), Load(softhsm, uri, 2)
        try:
            first.until(valid, 20)
            second.until(valid, 20)
            first.kill()
            second.until(valid, 100)
            assert set(second.seen) == {VALID}
        finally:
            second.kill()
