"""The certificate authorities there are: roles, generations, and the short names that URLs carry."""

import re
from enum import Enum, unique

from pki.errors import IssuerNameError

MAX_GENERATION = 999
MAX_SHARDS = 10_000
"""A partition has four digits in its name."""


@unique
class Role(Enum):
    """What a CA is there for. The values stand in URLs and are stored; never change one."""

    ROOT = "root"
    CITIZEN_AUTHENTICATION = "citizen-auth"
    CITIZEN_SIGNATURE = "citizen-sign"
    CARD = "card"
    OPERATOR = "operator"
    SERVICE = "service"
    CSCA = "csca"
    """Country signing CA, the root of travel documents' signatures (ICAO Doc 9303-12)."""


_NAME = re.compile(
    rf"(?P<role>{'|'.join(role.value for role in Role)})-g(?P<generation>[1-9][0-9]{{0,2}})", re.ASCII
)


def issuer_name(role: Role, generation: int) -> str:
    """A CA's short name: `root-g1`. Raises IssuerNameError."""
    if not 1 <= generation <= MAX_GENERATION:
        raise IssuerNameError(f"{role.value}-g{generation}")
    return f"{role.value}-g{generation}"


def parse_issuer_name(name: str) -> tuple[Role, int]:
    """The role and the generation in a CA's short name. Raises IssuerNameError."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise IssuerNameError(name)
    return Role(found["role"]), int(found["generation"])


def shard_of(serial: int, shards: int) -> int:
    """The partition of its issuer's CRL in which a certificate stands for life."""
    return serial % shards


def crl_scope(issuer: str, shards: int, serial: int) -> str:
    """The CRL that covers this serial: `<issuer>-p0007` where the issuer has partitions, else `<issuer>`."""
    return issuer if shards == 1 else partition_scope(issuer, shard_of(serial, shards))


def partition_scope(issuer: str, shard: int) -> str:
    """The name of one partition's full CRL; `-delta` behind it is its delta's."""
    return f"{issuer}-p{shard:04d}"
