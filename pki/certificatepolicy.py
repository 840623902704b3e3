"""The certificate policy in short, as the status service publishes it; docs/pki.md has it with its tables."""

from pki.profiles.definitions import DEFINITIONS

_POLICY = """\
Certificate policy of this Hoviat installation, in short

Who may have what: citizens an authentication and a signature certificate, their card one that names nobody;
operators, reader stations and services their own. No certificate serves two purposes, no key two of them.
Identification: a citizen is named as the civil register has them, with the national code. Enrolment and
approval take two people; possession of the key is proved by a request that the key signs.
Keys: made on the card, in an HSM or in encrypted files; keys of citizens and cards can't leave the card.
Life: certificates of a card are on hold until it is delivered. A hold ends in good or in revoked; revoked is
final. Nothing is certified past its issuer's end.
Revocation: effective in OCSP answers and, for issuers with few entries, in the CRL within a minute; large
CRLs follow by deltas within two minutes and by full ones on schedule. Status is not given for what was
never issued here.
Record: every decision of the authority stands in an append-only log with signed checkpoints.

Policy identifiers
"""


def policy_text() -> str:
    """The policy, and the identifiers that certificates of each profile carry."""
    lines = [
        f"{definition.profile.value}: {', '.join(definition.policies)}"
        for definition in DEFINITIONS.values()
        if definition.policies and definition.ca is None
    ]
    return _POLICY + "\n".join(lines) + "\n"
