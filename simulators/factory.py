"""The card factory: blank bodies, each with its own transport secrets, as a manufacturer delivers them."""

import secrets
from pathlib import Path

from issuance.lifecycle.cards import card_number
from issuance.production.cardsecrets import factory_secrets
from pki.keys.masterkeys import MasterKey
from simulators.card.blank import create_blank
from simulators.card.globalplatform.keyset import KeySet
from simulators.manufacturer import attestation_authority

_FIRST_SERIAL = 10_000_000
_SERIALS = 2**31 - _FIRST_SERIAL


def make_blank(folder: Path, factory_key: MasterKey, *, random_challenges: bool = False) -> Path:
    """Makes one blank body in `folder`, in a file of its card number; its serial is random and new there.

    `random_challenges`: as for `blank_state`.

    :raises AuthorityFileError: the file of the attestation authority in `folder` is another thing
    """
    while True:
        serial = _FIRST_SERIAL + secrets.randbelow(_SERIALS)
        path = folder / f"{card_number(serial)}.card"
        if not path.exists():
            break
    keys = factory_secrets(factory_key, serial)
    channel_keys = KeySet(*keys.channel_keys.keys)
    authority = attestation_authority(folder)
    create_blank(
        path,
        serial,
        keys.pin,
        keys.puk,
        keys.management_key,
        channel_keys,
        authority=authority,
        random_challenges=random_challenges,
    )
    return path
