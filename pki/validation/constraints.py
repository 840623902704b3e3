"""Name constraints (RFC 5280 §4.2.1.10): which names the CAs above let a certificate have."""

from dataclasses import dataclass

from pki import der, oids
from pki.validation.certificate import Certificate
from pki.validation.decoders import NameConstraintsValue
from pki.validation.errors import NameConstraintError, NameConstraintLimitError
from pki.validation.generalnames import Form, GeneralName, general_names
from pki.validation.nameforms import NameSyntaxError, alias, check_base, lies_within, touches
from pki.validation.names import email_addresses

MAX_COMPARISONS = 100_000
"""Names of one certificate times constraints on them; more would take a verifier's time for nothing."""

_EMPTY_NAME = der.sequence(())


@dataclass(frozen=True)
class NameConstraints:
    """What the CAs above ask together: permitted by every group, excluded by none."""

    permitted: tuple[tuple[GeneralName, ...], ...] = ()
    excluded: tuple[GeneralName, ...] = ()

    def narrowed(self, value: NameConstraintsValue) -> "NameConstraints":
        """§6.1.4 (g). Raises DerError for a constraint that is none."""
        for base in (*value.permitted, *value.excluded):
            check_base(base)
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
            if bases and not any(lies_within(name, base) for base in bases):
                raise NameConstraintError(depth, name.form.name, "is not in a permitted subtree")
        for base in self.excluded:
            if base.form is name.form and touches(name, base):
                raise NameConstraintError(depth, name.form.name, "is in an excluded subtree")
        meant = alias(name)
        if meant is not None and meant in self._forms():
            raise NameConstraintError(depth, name.form.name, f"gets around what is said of {meant.name}")

    def _forms(self) -> set[Form]:
        return {base.form for group in (*self.permitted, self.excluded) for base in group}


def _names_of(certificate: Certificate) -> list[GeneralName]:
    """The subject, its emailAddress attributes (whatever else there is), and the alternative names."""
    names: list[GeneralName] = []
    if certificate.subject != _EMPTY_NAME:
        names.append(GeneralName(Form.DIRECTORY_NAME, certificate.subject))
        names += [GeneralName(Form.RFC822_NAME, mail) for mail in email_addresses(certificate.subject)]
    return names + list(certificate.extension(oids.SUBJECT_ALT_NAME, general_names) or ())
