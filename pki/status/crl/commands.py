"""What `hoviat pki crl` does, without the command line."""

from collections.abc import Sequence

from pki.bootstrap import Pki
from pki.errors import UnknownCrlError
from pki.status.publication import PublishedCrl

_LISTED_EDITIONS = 20


class CrlChoiceError(ValueError):
    """A name is no CRL's."""


def crls_for(pki: Pki, names: Sequence[str], *, delta: bool) -> list[str]:
    """Those named (a delta's name as it is), or every CA's on line. Raises CrlChoiceError."""
    chosen = []
    for name in names or pki.crls.signing:
        try:
            pki.crls.published(name)
        except UnknownCrlError as error:
            known = ", ".join(pki.crls.names)
            raise CrlChoiceError(f"no CA {name}, or no such CRL of it; there are {known}") from error
        chosen.append(name)
    if not delta:
        return chosen
    return _deltas(pki, chosen, every=not names)


def _deltas(pki: Pki, chosen: Sequence[str], *, every: bool) -> list[str]:
    """Their deltas. A CA without deltas is passed over where every CA is meant."""
    deltas = []
    for name in chosen:
        wanted = name if name.endswith("-delta") else f"{name}-delta"
        try:
            pki.crls.published(wanted)
        except UnknownCrlError as error:
            if not every:
                raise CrlChoiceError(f"{name} has no delta") from error
            continue
        deltas.append(wanted)
    return deltas


def publish_each(pki: Pki, names: Sequence[str], actor: str) -> list[PublishedCrl]:
    """The next edition of each."""
    return [pki.crls.publish(name, actor) for name in names]


def editions(pki: Pki, names: Sequence[str]) -> list[PublishedCrl]:
    """The newest editions of each, and of its delta."""
    both = [candidate for name in names for candidate in (name, *_deltas(pki, [name], every=True))]
    return pki.crls.history(list(dict.fromkeys(both)), _LISTED_EDITIONS)


def summary(crl: PublishedCrl) -> tuple[dict[str, object], str]:
    """An edition as data and in words."""
    data: dict[str, object] = {
        "name": crl.name,
        "issuer": crl.issuer,
        "number": crl.number,
        "base": crl.base,
        "this_update": crl.this_update.isoformat(),
        "next_update": crl.next_update.isoformat(),
        "entries": crl.entries,
        "bytes": crl.size,
        "sha256": crl.sha256.hex(),
        "file": str(crl.path),
    }
    base = "" if crl.base is None else f" (since {crl.base})"
    times = f"{crl.this_update:%F %T} to {crl.next_update:%F %T} UTC"
    return data, f"CRL {crl.number}{base} of {crl.name}: {crl.entries} entries, {crl.size} bytes, {times}"
