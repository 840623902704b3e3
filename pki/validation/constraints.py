"""Name constraints (RFC 5280 §4.2.1.10): which names the CAs above let a certificate have."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pki import der, oids
from pki.der import DerError
from pki.validation.certificate import Certificate
from pki.validation.decoders import NameConstraintsValue
from pki.validation.errors import NameConstraintError, NameConstraintLimitError
from pki.validation.generalnames import Form, GeneralName, general_names
from pki.validation.names import comparable, email_addresses, within

MAX_COMPARISONS = 100_000
"""Names of one certificate times constraints on them; more would take a verifier's time for nothing."""

_LABEL = re.compile(rb"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_MAX_HOST = 253
_EMPTY_NAME = der.sequence(())
_IPV4, _IPV6 = 4, 16


class NameSyntaxError(ValueError):
    """A name isn't of the form that it claims."""


@dataclass(frozen=True)
class NameConstraints:
    """What the CAs above ask together: permitted by every group, excluded by none."""

    permitted: tuple[tuple[GeneralName, ...], ...] = ()
    excluded: tuple[GeneralName, ...] = ()

    def narrowed(self, value: NameConstraintsValue) -> "NameConstraints":
        """§6.1.4 (g). Raises DerError for a constraint that is none."""
        for base in (*value.permitted, *value.excluded):
            _check_base(base)
        permitted = (*self.permitted, value.permitted) if value.permitted else self.permitted
        return NameConstraints(permitted, self.excluded + value.excluded)

    def check(self, certificate: Certificate, depth: int) -> None:
        """§6.1.3 (b), (c). Raises NameConstraintError, DerError."""
        if not self.permitted and not self.excluded:
            return
        names = _names_of(certificate)
        bases = len(self.excluded) + sum(len(group) for group in self.permitted)
        if len(names) * bases > MAX_COMPARISONS:
            raise NameConstraintLimitError(depth, "any", "meets more constraints than may be compared")
        for name in names:
            try:
                self._check_name(name, depth)
            except NameSyntaxError as error:
                raise NameConstraintError(depth, name.form.name, "is not written as such") from error

    def _check_name(self, name: GeneralName, depth: int) -> None:
        for group in self.permitted:
            bases = [base for base in group if base.form is name.form]
            if bases and not any(_lies_within(name, base) for base in bases):
                raise NameConstraintError(depth, name.form.name, "is not in a permitted subtree")
        for base in self.excluded:
            if base.form is name.form and _touches(name, base):
                raise NameConstraintError(depth, name.form.name, "is in an excluded subtree")


def _names_of(certificate: Certificate) -> list[GeneralName]:
    """The subject, its emailAddress attributes (whatever else there is), and the alternative names."""
    names: list[GeneralName] = []
    if certificate.subject != _EMPTY_NAME:
        names.append(GeneralName(Form.DIRECTORY_NAME, certificate.subject))
        names += [GeneralName(Form.RFC822_NAME, mail) for mail in email_addresses(certificate.subject)]
    return names + list(certificate.extension(oids.SUBJECT_ALT_NAME, general_names) or ())


def check_syntax(name: GeneralName) -> None:
    """Whether a name is written as its form wants (RFC 5280 §4.2.1.6). Raises NameSyntaxError."""
    host = name.content.removeprefix(b"*.")
    if name.form is Form.DNS_NAME and (not _is_host(host) or b"_" in host or _is_address(host)):
        raise NameSyntaxError
    if name.form is Form.RFC822_NAME and not _is_mailbox(name.content):
        raise NameSyntaxError
    if name.form is Form.IP_ADDRESS and len(name.content) not in {_IPV4, _IPV6}:
        raise NameSyntaxError


def _lies_within(name: GeneralName, base: GeneralName) -> bool:
    match = _MATCHES.get(name.form)
    return match is not None and match(name.content, base.content)


def _touches(name: GeneralName, base: GeneralName) -> bool:
    """Like `_lies_within`, but a form that can't be compared counts, and so does a wildcard that covers."""
    match = _MATCHES.get(name.form)
    if match is None or match(name.content, base.content):
        return True
    if name.form is Form.DNS_NAME and name.content.startswith(b"*."):
        covered, excluded = name.content[2:].lower(), base.content.lower()
        return excluded.endswith(b"." + covered) and b"." not in excluded[: -len(covered) - 1]
    return False


def _check_base(base: GeneralName) -> None:
    check = _BASE_CHECKS.get(base.form)
    if check is not None and not check(base.content):
        raise DerError(f"a name constraint of form {base.form.name} is not written as such")


def _is_host(host: bytes) -> bool:
    return 0 < len(host) <= _MAX_HOST and all(_LABEL.fullmatch(label) for label in host.split(b"."))


def _is_domain(base: bytes) -> bool:
    """A host, or a domain with a leading period. Nothing at all stands for every host."""
    return not base or _is_host(base.removeprefix(b"."))


def _is_dns_base(base: bytes) -> bool:
    return not base or _is_host(base)


def _is_mail_base(base: bytes) -> bool:
    return _is_mailbox(base) if b"@" in base else _is_domain(base)


def _is_mailbox(mail: bytes) -> bool:
    local, _, host = mail.rpartition(b"@")
    return bool(local) and _is_host(host) and b" " not in mail and (b"@" not in local or local[:1] == b'"')


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
    if not _is_host(host.removeprefix(b"*.")):
        raise NameSyntaxError
    return not domain or host == domain or _below(host, domain)


def _match_mail(name: bytes, base: bytes) -> bool:
    if not _is_mailbox(name):
        raise NameSyntaxError
    local, _, host = name.rpartition(b"@")
    base_local, at, domain = base.rpartition(b"@")
    if at:
        return local == base_local and host.lower() == domain.lower()
    return _match_host(host.lower(), domain.lower())


def _match_host(host: bytes, base: bytes) -> bool:
    """A base with a leading period takes hosts below it, another one only itself."""
    return not base or (host.endswith(base) and len(host) > len(base) if base[:1] == b"." else host == base)


def _match_uri(name: bytes, base: bytes) -> bool:
    """The host part; RFC 5280 §4.2.1.10 refuses a URI without one, or with an address."""
    try:
        host = (urlsplit(name.decode("ascii")).hostname or "").encode()
    except ValueError as error:
        raise NameSyntaxError from error
    if not _is_host(host) or _is_address(host):
        raise NameSyntaxError
    return _match_host(host.lower(), base.lower())


def _is_address(host: bytes) -> bool:
    try:
        ipaddress.ip_address(host.decode())
    except ValueError:
        return False
    return True


def _match_address(name: bytes, base: bytes) -> bool:
    if len(name) not in {_IPV4, _IPV6}:
        raise NameSyntaxError
    if len(base) != 2 * len(name):
        return False
    mask = int.from_bytes(base[len(name) :], "big")
    return (int.from_bytes(name, "big") ^ int.from_bytes(base[: len(name)], "big")) & mask == 0


def _match_directory(name: bytes, base: bytes) -> bool:
    return within(comparable(name), comparable(base))


_MATCHES: dict[Form, Callable[[bytes, bytes], bool]] = {
    Form.RFC822_NAME: _match_mail,
    Form.DNS_NAME: _match_dns,
    Form.URI: _match_uri,
    Form.IP_ADDRESS: _match_address,
    Form.DIRECTORY_NAME: _match_directory,
}
"""Forms outside of it can't be compared: a constraint on one refuses every name of it (§4.2.1.10)."""
_BASE_CHECKS: dict[Form, Callable[[bytes], bool]] = {
    Form.RFC822_NAME: _is_mail_base,
    Form.DNS_NAME: _is_dns_base,
    Form.URI: _is_domain,
    Form.IP_ADDRESS: _is_address_range,
}
