"""SoftHSM2 tokens for tests, each in a folder of its own, and faults put into the real module's answers."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")  # where Debian's softhsm2 puts it
LABEL, PIN, SO_PIN = "hoviat test", "471100", "10293847"
CONFIGURATION_VARIABLE = "SOFTHSM2_CONF"

FLAG_USER_PIN_FINAL_TRY, FLAG_USER_PIN_LOCKED = 0x20000, 0x40000  # CK_TOKEN_INFO.flags, PKCS#11 v2.40 §3.2
_TOKEN_INFO_FLAGS_OFFSET = 96
_FUNCTIONS = {  # place in CK_FUNCTION_LIST and number of parameters, each as wide as a pointer
    "C_Initialize": (0, 1),
    "C_GetTokenInfo": (6, 2),
    "C_GetMechanismList": (7, 3),
    "C_Login": (18, 4),
    "C_GetAttributeValue": (24, 4),
    "C_SetAttributeValue": (25, 4),
    "C_FindObjectsInit": (26, 3),
    "C_SignInit": (42, 3),
    "C_Sign": (43, 5),
    "C_GenerateKeyPair": (59, 8),
    "C_GenerateRandom": (64, 3),
}


@dataclass(frozen=True)
class SoftHsm:
    """One token. `configuration` belongs into the environment of every process that uses it."""

    folder: Path
    pin: str = field(default=PIN, repr=False)

    @property
    def configuration(self) -> Path:
        """The value of SOFTHSM2_CONF."""
        return self.folder / "softhsm2.conf"

    @property
    def location(self) -> str:
        """The URI that an installation's settings would have, without a place of the PIN."""
        return f"pkcs11:token={LABEL.replace(' ', '%20')}?module-path={MODULE}"

    @property
    def tokens(self) -> Path:
        """Where SoftHSM keeps its tokens."""
        return self.folder / "tokens"

    def create(self) -> None:
        """Makes the token."""
        self.tokens.mkdir(parents=True)
        self.configuration.write_text(
            f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        self.run("--init-token", "--free", "--label", LABEL, "--pin", self.pin, "--so-pin", SO_PIN)

    def reset(self, pin: str | None = None) -> None:
        """Initialises the token anew, as its security officer may at any time: all keys are gone."""
        self.run(
            "--init-token", "--token", LABEL, "--label", LABEL, "--pin", pin or self.pin, "--so-pin", SO_PIN
        )

    def take_out(self) -> None:
        """The token's files disappear."""
        self.tokens.rename(self.folder / "away")
        self.tokens.mkdir()

    def put_back(self) -> None:
        """… and come back."""
        self.tokens.rmdir()
        (self.folder / "away").rename(self.tokens)

    def back_up(self) -> None:
        """Copies the token's files."""
        shutil.copytree(self.tokens, self.folder / "copy")

    def restore(self) -> None:
        """Replaces the token's files by the copy."""
        fresh = Path(tempfile.mkdtemp(dir=self.folder))
        shutil.copytree(self.folder / "copy", fresh / "new")
        self.tokens.rename(fresh / "old")
        (fresh / "new").rename(self.tokens)

    def serials(self) -> list[str]:
        """The serial numbers of the initialised tokens."""
        lines = [line.split(":", 1) for line in self.run("--show-slots").splitlines() if ":" in line]
        return [value.strip() for name, value in lines if name.strip() == "Serial number" and value.strip()]

    def run(self, *arguments: str) -> str:
        """What softhsm2-util, a process of its own, prints."""
        environment = {**os.environ, CONFIGURATION_VARIABLE: str(self.configuration)}
        done = subprocess.run(
            ["softhsm2-util", *arguments], check=True, capture_output=True, text=True, env=environment
        )
        return done.stdout


@dataclass
class Interception:
    """What a module's function was called for, and what it answers instead of working."""

    calls: int = 0
    answers: list[int] = field(default_factory=list)
    """CKR_ codes for the next calls; when they are used up, the real function answers."""
    always: int | None = None
    """A CKR_ code for all calls."""
    after: Callable[..., None] = lambda *_: None
    """Is given the parameters after the real function has worked, to change what they point to."""


@contextmanager
def intercepted(name: str) -> Iterator[Interception]:
    """Puts itself between python-pkcs11 and one function of the real SoftHSM2."""
    place, count = _FUNCTIONS[name]
    prototype = ctypes.CFUNCTYPE(ctypes.c_ulong, *[ctypes.c_void_p] * count)
    entry = ctypes.c_void_p.from_address(_function_list() + ctypes.sizeof(ctypes.c_void_p) * (1 + place))
    original, interception = entry.value, Interception()
    assert original is not None
    real = prototype(original)

    def answer(*arguments: int | None) -> int:
        interception.calls += 1
        if interception.answers:
            return interception.answers.pop(0)
        if interception.always is not None:
            return interception.always
        code = int(real(*arguments))
        interception.after(*arguments)
        return code

    replacement = prototype(answer)
    entry.value = ctypes.cast(replacement, ctypes.c_void_p).value
    try:
        yield interception
    finally:
        entry.value = original


def set_token_flags(flags: int) -> Callable[..., None]:
    """For C_GetTokenInfo's `after`: the token reports these flags too."""

    def change(_slot: int, info: int) -> None:
        field = ctypes.c_ulong.from_address(info + _TOKEN_INFO_FLAGS_OFFSET)
        field.value |= flags

    return change


def _function_list() -> int:
    pointer = ctypes.c_void_p()
    assert ctypes.CDLL(str(MODULE)).C_GetFunctionList(ctypes.byref(pointer)) == 0
    assert pointer.value is not None
    return pointer.value
