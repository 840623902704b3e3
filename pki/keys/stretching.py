"""From a passphrase to a key: scrypt (RFC 7914), bounded before it runs and run once for each salt."""

import hashlib
import os
from collections import OrderedDict
from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from pki.keys.locks import fork_safe_lock

STRETCHED_BYTES = 32
_SALT_BYTES = 16
# N = 2^14 with r = 8 takes 16 MiB, the most that `openssl pkey` grants a key file; p = 2 doubles the time to
# about a tenth of a second. A process pays it once, because all files of a home share a salt.
_N, _R, _P = 2**14, 8, 2

# A file names its own cost. The bounds are 8 times ours: a hostile one can't take the machine.
_MAX_MEMORY = 128 * 2**20
_MAX_WORK = 8 * _N * _R * _P
_MAX_P = 16
_MIN_SALT, _MAX_SALT = 8, 64
_BYTES_PER_BLOCK = 128  # RFC 7914 §5: scryptROMix takes 128 * r * N bytes
_REMEMBERED = 16


@dataclass(frozen=True)
class ScryptParameters:
    """Salt and cost: N (a power of two), r and p of RFC 7914 §2. Raises ValueError out of bounds."""

    salt: bytes
    n: int = _N
    r: int = _R
    p: int = _P

    def __post_init__(self) -> None:
        if not _MIN_SALT <= len(self.salt) <= _MAX_SALT:
            raise ValueError(f"a salt has {_MIN_SALT} to {_MAX_SALT} bytes")
        if self.n <= 1 or self.n & (self.n - 1) or self.r < 1 or not 1 <= self.p <= _MAX_P:
            raise ValueError("N, r and p are not a cost that scrypt has")
        if _BYTES_PER_BLOCK * self.n * self.r > _MAX_MEMORY or self.n * self.r * self.p > _MAX_WORK:
            raise ValueError("N, r and p ask for more than a key file may")

    @classmethod
    def fresh(cls) -> "ScryptParameters":
        """Today's cost with a salt of its own."""
        return cls(os.urandom(_SALT_BYTES))

    @property
    def is_current(self) -> bool:
        """Whether the cost is the one that new files get."""
        return (self.n, self.r, self.p) == (_N, _R, _P)


class _Memory:
    """What was stretched lately. Passphrases themselves are not kept, only their hash with the salt."""

    def __init__(self) -> None:
        self._lock = fork_safe_lock()
        self._keys: OrderedDict[bytes, bytes] = OrderedDict()

    def stretch(self, passphrase: bytes, parameters: ScryptParameters) -> bytes:
        """The key, from memory if it is there. Others wait meanwhile: they probably want the same one."""
        name = _name(passphrase, parameters)
        with self._lock:
            key = self._keys.get(name) or _scrypt(passphrase, parameters)
            self._keys[name] = key
            self._keys.move_to_end(name)
            if len(self._keys) > _REMEMBERED:
                self._keys.popitem(last=False)
        return key


_memory = _Memory()


def stretch(passphrase: bytes, parameters: ScryptParameters) -> bytes:
    """The 32-byte key that the passphrase gives."""
    return _memory.stretch(passphrase, parameters)


def _name(passphrase: bytes, parameters: ScryptParameters) -> bytes:
    cost = f"{parameters.n} {parameters.r} {parameters.p} {len(parameters.salt)}\n".encode()
    return hashlib.sha256(cost + parameters.salt + passphrase).digest()


def _scrypt(passphrase: bytes, parameters: ScryptParameters) -> bytes:
    return Scrypt(
        parameters.salt, length=STRETCHED_BYTES, n=parameters.n, r=parameters.r, p=parameters.p
    ).derive(passphrase)
