"""The key of personal data in tests' databases."""

from pki.keys.masterkeys import MASTER_KEY_BYTES, FileMasterKey
from pki.store.encrypted import ColumnCipher

CIPHER = ColumnCipher(FileMasterKey(bytes(range(MASTER_KEY_BYTES))))
