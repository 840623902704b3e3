"""Message after message through one cipher, against a cipher made anew for each."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from cardio.globalplatform.messagecipher import MessageCipher
from simulators.card.globalplatform.encipherment import Encipherment

KEY = bytes(range(32))
MESSAGES = st.lists(
    st.tuples(
        st.booleans(), st.integers(0, (1 << 128) - 1), st.integers(0, 5).map(lambda n: b"\xa5" * 16 * n)
    ),
    max_size=8,
)


def _fresh(counter: int, data: bytes, *, encrypts: bool) -> bytes:
    aes = algorithms.AES(KEY)
    vector = Cipher(aes, modes.ECB()).encryptor().update(counter.to_bytes(16, "big"))  # noqa: S305
    cipher = Cipher(aes, modes.CBC(vector))
    return (cipher.encryptor() if encrypts else cipher.decryptor()).update(data)


@given(MESSAGES)
def test_no_message_depends_on_the_ones_before(messages: list[tuple[bool, int, bytes]]) -> None:
    terminal, card = MessageCipher(KEY), Encipherment(KEY)
    for encrypts, counter, data in messages:
        expected = _fresh(counter, data, encrypts=encrypts)
        block = counter.to_bytes(16, "big")
        assert expected == (terminal.encrypt if encrypts else terminal.decrypt)(counter, data)
        assert expected == (card.encrypt if encrypts else card.decrypt)(block, data)
