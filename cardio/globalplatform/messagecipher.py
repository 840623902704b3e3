"""SCP03's encryption of messages: AES-CBC, keyed once a session, each message under an ICV of its own."""

from functools import cached_property

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from cardio.globalplatform.keys import AES_BLOCK_BYTES

_ZERO_BLOCK = bytes(AES_BLOCK_BYTES)


class MessageCipher:
    """S-ENC of one session. Data are whole blocks; the ICV is the encrypted counter (6.2.6, 6.2.7)."""

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(_ZERO_BLOCK))
        self._encryptor = self._cipher.encryptor()
        self._last = 0

    @cached_property
    def _decryptor(self) -> CipherContext:
        """Only for levels with encrypted answers."""
        return self._cipher.decryptor()

    def encrypt(self, counter: int, data: bytes) -> bytes:
        """The data encrypted."""
        return self._chained(counter, data)[AES_BLOCK_BYTES:]

    def decrypt(self, counter: int, data: bytes) -> bytes:
        """The data deciphered, padding and all."""
        icv = self._chained(counter, b"")
        # A block is deciphered with the one before it: the ICV goes first, what it gives itself is dropped.
        return self._decryptor.update(icv + data)[AES_BLOCK_BYTES:]

    def _chained(self, counter: int, data: bytes) -> bytes:
        """CBC over counter and data from a vector of zeros: the ICV, then the data encrypted under it.

        The context chains on from the last block that it gave, so that block is taken out of the first again.
        """
        first = (counter ^ self._last).to_bytes(AES_BLOCK_BYTES, "big")
        blocks = self._encryptor.update(first + data)
        self._last = int.from_bytes(blocks[-AES_BLOCK_BYTES:], "big")
        return blocks
