"""Proving once more who one is, before something that can't be undone."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from issuance.operators.service import Actor, Operators


@dataclass(frozen=True)
class Proof:
    """What the operator gives: a password now; a card's signature would say the same in its own way."""

    password: str = field(repr=False)
    client: str
    """The address it comes from, for the throttle."""


class StepUp(Protocol):
    """A way to prove it."""

    def confirm(self, actor: Actor, proof: Proof, bound_to: bytes) -> None:
        """Raises LoginRefusedError or LoginThrottledError unless `actor` proves to mean `bound_to`.

        `bound_to` is a SHA-256 of exactly what is meant. A card signs it; a password only comes with it.
        """
        ...


class PasswordStepUp:
    """The operator's password, once more."""

    def __init__(self, operators: Operators) -> None:
        self._operators = operators

    def confirm(self, actor: Actor, proof: Proof, bound_to: bytes) -> None:  # noqa: ARG002 - a password signs nothing
        """As the protocol says."""
        self._operators.reauthenticate(actor, proof.password, proof.client)


def digest_of(batch_id: str, items: Iterable[tuple[str, int]]) -> bytes:
    """SHA-256 of a batch: its identifier, and every application with the version that was looked at."""
    lines = [f"approve {batch_id}", *(f"{application} {version}" for application, version in sorted(items))]
    return hashlib.sha256("\n".join(lines).encode()).digest()
