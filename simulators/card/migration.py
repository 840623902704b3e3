"""Card files of earlier versions, brought to the present form before they are read.

These functions see unchecked JSON. What isn't as the old version had it, they pass on: the strict reading
afterwards names it.
"""

from typing import Any

from simulators.card.globalplatform.state import unknown_domain
from simulators.card.lifecycle import LifeCycle
from simulators.card.piv.identifiers import KeyReference
from simulators.card.piv.policy import default_pin_policy
from simulators.card.piv.stored import DEFAULT_TRIES

Json = Any

_SLOTS = {f"{reference:02X}": reference for reference in KeyReference}


def from_version_1(card: Json) -> Json:
    """Version 1 had no security domain, no life cycle, no policies, no factory values, no attestation key.

    A card with its holder's own PIN was issued; one with a transport PIN is still being personalised. What
    the factory gave it isn't known any more: the present values stand in. Nobody has the domain's keys.
    """
    if not isinstance(card, dict) or not isinstance(piv := card.get("piv"), dict):
        return card
    is_issued = piv.get("pin_is_transport") is False
    life_cycle = LifeCycle.SECURED if is_issued else LifeCycle.INITIALIZED
    domain = unknown_domain().to_json()
    return {"life_cycle": life_cycle.name, "isd": domain, **card, "piv": _piv(piv)}


def _piv(piv: dict[str, Json]) -> dict[str, Json]:
    factory = {
        "pin": _value_of(piv.get("pin")),
        "puk": _value_of(piv.get("puk")),
        "management_key": piv.get("management_key"),
    }
    private_keys = piv.get("private_keys")
    if isinstance(private_keys, dict):
        private_keys = {slot: _private_key(slot, key) for slot, key in private_keys.items()}
    return {
        "factory": factory,
        **piv,
        "pin": _with_limit(piv.get("pin")),
        "puk": _with_limit(piv.get("puk")),
        "private_keys": private_keys,
    }


def _value_of(reference: Json) -> Json:
    return reference.get("value") if isinstance(reference, dict) else None


def _with_limit(reference: Json) -> Json:
    return {"max_tries": DEFAULT_TRIES, **reference} if isinstance(reference, dict) else reference


def _private_key(slot: str, key: Json) -> Json:
    policy = default_pin_policy(_SLOTS.get(slot, KeyReference.AUTHENTICATION))
    return {"key": key, "pin_policy": policy.name, "is_generated": True}
