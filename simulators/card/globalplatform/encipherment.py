"""Messages under S-ENC (GPCS amendment D, 6.2.6, 6.2.7): AES-CBC whose vector is the encrypted counter block.

A card loads a key into its cipher once a session. So does this one: the contexts live as long as the channel.
"""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from simulators.card.globalplatform.scp03 import BLOCK


class Encipherment:
    """S-ENC, ready for use. Counter blocks have 16 bytes, data are whole blocks."""

    def __init__(self, key: bytes) -> None:
        loaded = Cipher(algorithms.AES(key), modes.CBC(bytes(BLOCK)))
        self._encryptor = loaded.encryptor()
        self._decryptor = loaded.decryptor()
        self._chained = bytes(BLOCK)

    def encrypt(self, counter_block: bytes, data: bytes) -> bytes:
        """The ciphertext of padded data."""
        return self._encrypted(counter_block, data)[BLOCK:]

    def decrypt(self, counter_block: bytes, data: bytes) -> bytes:
        """The padded data of a ciphertext."""
        vector = self._encrypted(counter_block, b"")
        # As the block before the first one, the vector is all that CBC needs; its plaintext means nothing.
        return self._decryptor.update(vector + data)[BLOCK:]

    def _encrypted(self, counter_block: bytes, data: bytes) -> bytes:
        """The vector, then the ciphertext under it: CBC of the counter block and the data from zero.

        The encryptor adds the last block it gave to the next one; added here too, it cancels out.
        """
        encrypted = self._encryptor.update(_sum(counter_block, self._chained) + data)
        self._chained = encrypted[-BLOCK:]
        return encrypted


def _sum(first: bytes, second: bytes) -> bytes:
    return (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).to_bytes(BLOCK, "big")
