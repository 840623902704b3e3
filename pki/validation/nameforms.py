"""The forms of names that constraints speak of: how each is written, and when one lies in another's subtree.

Strict on purpose: what two programs could read in two ways is not read at all, but refused (NameSyntaxError).
"""

import re
from collections.abc import Callable, Mapping

from pki import der
from pki.der import DerError
from pki.validation.generalnames import Form, GeneralName
from pki.validation.names import may_be_within, within
from pki.validation.reading import identifier

_LABEL = re.compile(rb"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_NUMBER = re.compile(rb"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"  # RFC 5322 §3.2.3
_LOCAL = re.compile(_ATOM + rb"(?:\." + _ATOM + rb")*")
_QUOTED = re.compile(rb'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"')  # RFC 5321 §4.1.2
_URI = re.compile(
    rb"[A-Za-z][A-Za-z0-9+.-]*://(?P<host>[A-Za-z0-9._-]+)(?::[0-9]{0,5})?"
    rb"(?:[/?#][A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*)?"
)
"""RFC 3986 §3 with a host that is a name: no user, no percent sign in it, no address in brackets."""
_MAX_HOST = 253
_MAX_LOCAL = 64  # RFC 5321 §4.5.3.1.1
_IPV4, _IPV6 = 4, 16
_MAPPED = bytes(10) + b"\xff\xff"
"""IPv4 in IPv6, RFC 4291 §2.5.5.2."""
_ALL_MAPPED = b"\xff" * len(_MAPPED)
_ALIASES: Mapping[str, Form] = {
    "1.3.6.1.5.5.7.8.9": Form.RFC822_NAME,  # SmtpUTF8Mailbox, RFC 9598 §6
    "1.3.6.1.4.1.311.20.2.3": Form.RFC822_NAME,  # a user principal name is written and used as an address
    "1.3.6.1.5.5.7.8.7": Form.DNS_NAME,  # SRVName, RFC 4985 §2
}
"""otherNames that say what another form says."""


class NameSyntaxError(ValueError):
    """A name isn't of the form that it claims."""


def check_syntax(name: GeneralName) -> None:
    """Whether a name is written as its form wants (RFC 5280 §4.2.1.6). Raises NameSyntaxError."""
    host = name.content.removeprefix(b"*.")
    if name.form is Form.DNS_NAME and (not _is_host(host) or b"_" in host or _ends_in_number(host)):
        raise NameSyntaxError
    if name.form is Form.RFC822_NAME and not _is_mailbox(name.content):
        raise NameSyntaxError
    if name.form is Form.IP_ADDRESS and len(name.content) not in {_IPV4, _IPV6}:
        raise NameSyntaxError


def lies_within(name: GeneralName, base: GeneralName) -> bool:
    """Beyond doubt. A form that can't be compared lies in nothing. Raises NameSyntaxError, DerError."""
    match = _MATCHES.get(name.form)
    return match is not None and match(name.content, base.content)


def touches(name: GeneralName, base: GeneralName) -> bool:
    """Whether a name lies within, or may: what can't be compared does. Raises NameSyntaxError, DerError."""
    match = _MATCHES.get(name.form)
    if match is None or match(name.content, base.content):
        return True
    doubtful = _DOUBTS.get(name.form)
    return doubtful is not None and doubtful(name.content, base.content)


def check_base(base: GeneralName) -> None:
    """Raises DerError for a constraint that isn't written as one."""
    check = _BASE_CHECKS.get(base.form)
    if check is not None and not check(base.content):
        raise DerError(f"a name constraint of form {base.form.name} is not written as such")


def alias(name: GeneralName) -> Form | None:
    """The form whose constraints a name of another form would get around. Raises DerError."""
    if name.form is Form.DNS_NAME and _ends_in_number(name.content):
        return Form.IP_ADDRESS
    if name.form is not Form.OTHER_NAME:
        return None
    parts = list(der.iterate(name.content))
    return _ALIASES.get(identifier(parts[0])) if parts else None


def _is_host(host: bytes) -> bool:
    return 0 < len(host) <= _MAX_HOST and all(_LABEL.fullmatch(label) for label in host.split(b"."))


def _ends_in_number(host: bytes) -> bool:
    """Then it is, or some take it for, an IPv4 address in one of its many spellings."""
    return _NUMBER.fullmatch(host.rpartition(b".")[2]) is not None


def _is_domain(base: bytes) -> bool:
    """A host, or a domain with a leading period. Nothing at all stands for every host."""
    return not base or _is_host(base.removeprefix(b"."))


def _is_dns_base(base: bytes) -> bool:
    return not base or _is_host(base)


def _is_mail_base(base: bytes) -> bool:
    return _is_mailbox(base) if b"@" in base else _is_domain(base)


def _is_mailbox(mail: bytes) -> bool:
    """Mailbox of RFC 5321 §4.1.2 whose host is a name."""
    local, at, host = mail.rpartition(b"@")
    whole = _LOCAL.fullmatch(local) or _QUOTED.fullmatch(local)
    return bool(at) and whole is not None and len(local) <= _MAX_LOCAL and _is_host(host)


def _is_address_range(base: bytes) -> bool:
    """An address and a mask whose ones come first (RFC 4632 §3.1)."""
    half = len(base) // 2
    if len(base) not in {2 * _IPV4, 2 * _IPV6}:
        return False
    mask = f"{int.from_bytes(base[half:], 'big'):0{half * 8}b}"
    return "01" not in mask


def _below(host: bytes, domain: bytes) -> bool:
    return host.endswith(b"." + domain)


def _match_dns(name: bytes, base: bytes) -> bool:
    host, domain = name.lower(), base.lower()
    if not _is_host(host.removeprefix(b"*.")) or _ends_in_number(host):
        raise NameSyntaxError
    return not domain or host == domain or _below(host, domain)


def _wildcard_covers(name: bytes, base: bytes) -> bool:
    """A wildcard stands for one label (RFC 6125 §6.4.3)."""
    if not name.startswith(b"*."):
        return False
    covered, excluded = name[2:].lower(), base.lower()
    return _below(excluded, covered) and b"." not in excluded[: -len(covered) - 1]


def _match_mail(name: bytes, base: bytes) -> bool:
    if not _is_mailbox(name):
        raise NameSyntaxError
    local, _, host = name.rpartition(b"@")
    base_local, at, domain = base.rpartition(b"@")
    if at:
        return _unquoted(local) == _unquoted(base_local) and host.lower() == domain.lower()
    return _match_host(host.lower(), domain.lower())


def _may_be_same_mailbox(name: bytes, base: bytes) -> bool:
    """Capitals of the local part tell mailboxes apart (RFC 5280 §7.5); few hosts know."""
    local, _, host = name.rpartition(b"@")
    base_local, at, domain = base.rpartition(b"@")
    same = _unquoted(local).lower() == _unquoted(base_local).lower() and host.lower() == domain.lower()
    return bool(at) and same


def _unquoted(local: bytes) -> bytes:
    """RFC 5321 §4.1.2: a quoted local part means what stands between the quotes."""
    return re.sub(rb"\\(.)", rb"\1", local[1:-1]) if local[:1] == b'"' else local


def _match_host(host: bytes, base: bytes) -> bool:
    """A base with a leading period takes hosts below it, another one only itself."""
    return not base or (host.endswith(base) and len(host) > len(base) if base[:1] == b"." else host == base)


def _match_uri(name: bytes, base: bytes) -> bool:
    """The host part; RFC 5280 §4.2.1.10 refuses a URI without one, or with an address."""
    found = _URI.fullmatch(name)
    if found is None or not _is_host(found["host"]) or _ends_in_number(found["host"]):
        raise NameSyntaxError
    return _match_host(found["host"].lower(), base.lower())


def _match_address(name: bytes, base: bytes) -> bool:
    if len(name) not in {_IPV4, _IPV6}:
        raise NameSyntaxError
    if len(base) != 2 * len(name):
        return False
    mask = int.from_bytes(base[len(name) :], "big")
    return (int.from_bytes(name, "big") ^ int.from_bytes(base[: len(name)], "big")) & mask == 0


def _match_mapped_address(name: bytes, base: bytes) -> bool:
    """The same IPv4 address, written once as such and once within IPv6."""
    if name.startswith(_MAPPED) and len(base) == 2 * _IPV4:
        return _match_address(name[len(_MAPPED) :], base)
    # an IPv6 range wider than all of IPv4 says nothing of IPv4: `::/0` excludes the other form alone
    maps_ipv4 = len(base) == 2 * _IPV6 and base.startswith(_MAPPED) and base[_IPV6:].startswith(_ALL_MAPPED)
    return len(name) == _IPV4 and maps_ipv4 and _match_address(_MAPPED + name, base)


_MATCHES: Mapping[Form, Callable[[bytes, bytes], bool]] = {
    Form.RFC822_NAME: _match_mail,
    Form.DNS_NAME: _match_dns,
    Form.URI: _match_uri,
    Form.IP_ADDRESS: _match_address,
    Form.DIRECTORY_NAME: within,
}
"""Forms outside of it can't be compared: a constraint on one refuses every name of it (§4.2.1.10)."""
_DOUBTS: Mapping[Form, Callable[[bytes, bytes], bool]] = {
    Form.RFC822_NAME: _may_be_same_mailbox,
    Form.DNS_NAME: _wildcard_covers,
    Form.IP_ADDRESS: _match_mapped_address,
    Form.DIRECTORY_NAME: may_be_within,
}
"""What else some take for the same name; enough for an excluded subtree."""
_BASE_CHECKS: Mapping[Form, Callable[[bytes], bool]] = {
    Form.RFC822_NAME: _is_mail_base,
    Form.DNS_NAME: _is_dns_base,
    Form.URI: _is_domain,
    Form.IP_ADDRESS: _is_address_range,
}
