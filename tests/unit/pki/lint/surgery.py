"""Cuts a TBSCertificate open, changes one thing and closes it again, all in sound DER."""

from collections.abc import Callable, Sequence

from pki import der

SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, SPKI = range(1, 7)
_EXTENSIONS = 7


def with_part(tbs: bytes, place: int, part: bytes) -> bytes:
    parts = [element.raw for element in der.parse(tbs, der.SEQUENCE).children()]
    parts[place] = part
    return der.sequence(parts)


def extensions_of(tbs: bytes) -> dict[str, bytes]:
    """The extensions' DER by the hexadecimal DER of their identifiers."""
    field = der.parse(tbs, der.SEQUENCE).children()[_EXTENSIONS]
    found = der.parse(field.content, der.SEQUENCE).children()
    return {extension.children()[0].raw.hex(): extension.raw for extension in found}


def with_extensions(tbs: bytes, extensions: Sequence[bytes]) -> bytes:
    return with_part(tbs, _EXTENSIONS, der.context(3, der.sequence(extensions)))


def change_extension(tbs: bytes, dotted: str, change: Callable[[bytes], bytes]) -> bytes:
    """`change` takes the extension's DER and returns what stands there instead."""
    extensions = extensions_of(tbs)
    key = der.object_identifier(dotted).hex()
    return with_extensions(tbs, [change(raw) if oid == key else raw for oid, raw in extensions.items()])


def without(_: bytes) -> bytes:
    return b""


def flip_critical(extension: bytes) -> bytes:
    oid, *flag, value = der.parse(extension, der.SEQUENCE).children()
    critical = b"" if flag else der.encode(der.BOOLEAN, b"\xff")
    return der.sequence((oid.raw, critical, value.raw))


def with_value(value: bytes) -> Callable[[bytes], bytes]:
    """The same extension and criticality with another value."""

    def change(extension: bytes) -> bytes:
        oid, *flag, _ = der.parse(extension, der.SEQUENCE).children()
        kept = [part.raw for part in (oid, *flag)]
        return der.sequence((*kept, der.encode(der.OCTET_STRING, value)))

    return change


def value_of(tbs: bytes, dotted: str) -> bytes:
    extension = extensions_of(tbs)[der.object_identifier(dotted).hex()]
    return der.parse(extension, der.SEQUENCE).children()[-1].content


def add(tbs: bytes, extension: bytes) -> bytes:
    return with_extensions(tbs, [*extensions_of(tbs).values(), extension])


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Changes the value: `old`, which must be in it, for `new` of the same length."""
    assert len(old) == len(new)

    def change(extension: bytes) -> bytes:
        assert old in extension
        return extension.replace(old, new)

    return change
