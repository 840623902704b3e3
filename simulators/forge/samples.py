"""Sample tokens for other implementers: every algorithm, and every way to be refused that a token has.

`python -m simulators.forge.samples docs/samples/tokens.jsonl` writes them anew, with keys that nobody keeps.
Each line is a question of `hoviat token verify --batch`, with the verdict that is due under `expect`.
"""

import base64
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki.oids import HOVIAT_AUTHENTICATION_POLICY
from simulators.forge.certificates import NOW, CardSpec, key_usage, make_authority, person
from simulators.forge.tokens import (
    NONCE,
    ORIGIN,
    Forge,
    ForgedCard,
    Token,
    make_token,
    message,
    sign,
    signing_entry,
    with_hints,
)

_PROBLEM = "urn:hoviat:problem:"
_CURVES: Mapping[str, ec.EllipticCurve] = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
}
_RSA_ALGORITHMS = ("PS256", "PS384", "PS512", "RS256", "RS384", "RS512")


@dataclass(frozen=True)
class Sample:
    """One question, and the verdict: accepted, or refused with this kind at this step."""

    name: str
    about: str
    token: Token | str
    kind: str | None = None
    step: int | None = None
    changes: Mapping[str, str] = field(default_factory=dict)
    """To nonce, origin, at or policy, which the verifier brings."""

    def line(self, trust: list[str]) -> str:
        """The sample as one JSON line."""
        question = {
            "name": self.name,
            "about": self.about,
            "token": self.token if isinstance(self.token, str) else json.dumps(self.token),
            "nonce": NONCE,
            "origin": ORIGIN,
            "at": NOW.isoformat(),
            "policy": "national",
            **self.changes,
            "trust": trust,
        }
        error = None if self.kind is None else _PROBLEM + self.kind
        expect = {"ok": error is None, "error": error, "step": self.step}
        return json.dumps({**question, "expect": expect}, ensure_ascii=False)


class SampleForge:
    """Fresh authorities, cards and keys for one set of samples."""

    def __init__(self) -> None:
        root = make_authority("Sample root", path_length=None)
        spec = CardSpec(ec.generate_private_key(ec.SECP256R1()), policies=(HOVIAT_AUTHENTICATION_POLICY,))
        self._forge = Forge(root, make_authority("Sample citizen CA", root), spec)
        self._rsa_key = rsa.generate_private_key(65537, 2048)
        self._rsa_card = self._forge.card(key=self._rsa_key)
        self._card = self._forge.card()

    def lines(self) -> Iterator[str]:
        """All samples."""
        trusted = (self._forge.root, self._forge.authority)
        trust = [item.certificate.public_bytes(Encoding.PEM).decode() for item in trusted]
        for group in (
            self._accepted,
            self._malformed,
            self._of_wrong_format,
            self._with_odd_certificates,
            self._refused_by_policy,
            self._untrusted,
            self._wrongly_signed,
        ):
            yield from (sample.line(trust) for sample in group())

    def _accepted(self) -> Iterator[Sample]:
        for label, curve in _CURVES.items():
            card = self._forge.card(key=ec.generate_private_key(curve))
            yield Sample(f"valid-{label}", f"{label} on {curve.name}", card.token(algorithm=label))
        for label in _RSA_ALGORITHMS:
            yield Sample(f"valid-{label}", f"{label} with RSA-2048", self._rsa_card.token(algorithm=label))
        yield Sample("valid-leading-zero", "R of the signature begins with a zero byte", self._leading_zero())
        hinted = with_hints(self._card.token(), [signing_entry(self._signing_card().der)])
        yield Sample("valid-1.1", "version 1.1 with a signing certificate", hinted)
        authority = self._forge.authority.certificate.public_bytes(Encoding.DER)
        yield Sample(
            "valid-1.1-intermediates",
            "version 1.1 with an intermediate certificate",
            with_hints(self._card.token(), intermediates=[authority]),
        )

    def _malformed(self) -> Iterator[Sample]:
        good = self._card.token()
        text = json.dumps(good)
        cases: dict[str, tuple[str, Token | str]] = {
            "too-short": ("99 characters", text[:99]),
            "too-long": ("more than 10,000 characters", {**good, "appVersion": "x" * 10_000}),
            "trailing": ("text after the JSON object", text + "x"),
            "duplicate-key": ("a key twice", text[:-1] + ', "algorithm": "none"}'),
            "deep": ("nested 4,000 deep", "[" * 4000),
            "no-object": ("a JSON array", json.dumps([good])),
            "wrong-type": ("a number for a string", {**good, "unverifiedCertificate": 5}),
            "missing": ("no signature", {k: v for k, v in good.items() if k != "signature"}),
            "base64url": ("a signature in base64url", {**good, "signature": "-_" + "A" * 84 + "=="}),
            "1.1-without-hints": ("version 1.1 without what it must bring", with_hints(good)),
        }
        for name, (about, token) in cases.items():
            yield Sample(f"malformed-{name}", about, token, "token-malformed", 1)

    def _of_wrong_format(self) -> Iterator[Sample]:
        good = self._card.token()
        for version in ("web-eid:1.0TEST", "web-eid:2.0"):
            token: Token = {**good, "format": version}
            yield Sample(f"format-{version}", "no known format", token, "token-format-unsupported", 2)
        hinted: Token = {**good, "unverifiedIntermediateCertificates": ["AAAA"]}
        yield Sample("format-1.0-hints", "version 1.0 with 1.1's members", hinted, "token-field-foreign", 2)
        for label in ("none", "HS256", "EdDSA"):
            unknown: Token = {**good, "algorithm": label}
            yield Sample(
                f"algorithm-{label}", "no algorithm of Web eID", unknown, "token-algorithm-unsupported", 2
            )

    def _with_odd_certificates(self) -> Iterator[Sample]:
        der = self._card.der
        pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
        for name, content in {"trailing-byte": der + b"\x00", "two": der * 2, "pem": pem}.items():
            token: Token = {
                **self._card.token(),
                "unverifiedCertificate": base64.b64encode(content).decode(),
            }
            yield Sample(
                f"certificate-{name}", "not one DER certificate", token, "certificate-undecodable", 3
            )
        strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.7"), b"\x05\x00")
        token = self._forge.card(extensions=[(strange, True)]).token()
        yield Sample(
            "certificate-critical",
            "unknown critical extension",
            token,
            "certificate-extension-unsupported",
            3,
        )

    def _refused_by_policy(self) -> Iterator[Sample]:
        card, missing, wrong = self._forge.card, "certificate-purpose-missing", "certificate-purpose-wrong"
        identity = "certificate-identity-refused"
        any_purpose = [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]
        cases: dict[str, tuple[str, ForgedCard, str, int]] = {
            "no-key-usage": ("no keyUsage", card(usage=None), missing, 4),
            "no-purpose": ("no extendedKeyUsage", card(purposes=None), missing, 4),
            "signing": ("for signing", card(usage=key_usage("content_commitment")), wrong, 4),
            "any-purpose": ("anyExtendedKeyUsage alone", card(purposes=any_purpose), wrong, 4),
            "authority": ("cA TRUE", card(authority=True), wrong, 4),
            "no-policy": ("not our policy", card(policies=["2.999.1"]), "certificate-policy-refused", 5),
            "no-code": (
                "no serialNumber",
                card(subject=person(code=None)),
                identity,
                5,
            ),
            "bidi": (
                "a right-to-left override in the name",
                card(subject=person((x509.NameOID.COMMON_NAME, "a\u202eb"))),
                identity,
                5,
            ),
        }
        for name, (about, refused, kind, step) in cases.items():
            yield Sample(f"policy-{name}", about, refused.token(), kind, step)

    def _untrusted(self) -> Iterator[Sample]:
        good = self._card.token()
        end = NOW + timedelta(days=365)
        for name, kind, at in (
            ("expired", "certificate-expired", end + timedelta(seconds=1)),
            ("early", "certificate-not-yet-valid", NOW - timedelta(days=1, seconds=1)),
        ):
            yield Sample(f"trust-{name}", "by one second", good, kind, 6, {"at": at.isoformat()})
        impostor = self._forge.card(make_authority("Sample citizen CA")).token()
        yield Sample("trust-namesake", "an authority of the same name", impostor, "certificate-untrusted", 6)
        weak = self._forge.card(key=rsa.generate_private_key(65537, 1024))  # noqa: S505 - weak on purpose
        yield Sample("trust-weak-key", "RSA-1024", weak.token(algorithm="RS256"), "certificate-key-weak", 6)
        other = self._signing_card(person(code="PNOIR-0012345679"))
        token = with_hints(good, [signing_entry(other.der)])
        yield Sample(
            "trust-1.1-other-person", "another's signing certificate", token, "signing-certificate-refused", 6
        )

    def _wrongly_signed(self) -> Iterator[Sample]:
        card, good = self._card, self._card.token()
        for name, origin in {
            "scheme": "http://portal.example.ir",
            "port": "https://portal.example.ir:8443",
            "case": "https://Portal.example.ir",
            "homograph": "https://pоrtal.example.ir",
        }.items():
            yield _unsigned(f"origin-{name}", f"signed for {origin}", card.token(origin=origin))
        yield _unsigned("nonce", "signed for another nonce", card.token(nonce=NONCE.lower()))
        raw = sign(card.key, "ES256", message("ES256", ORIGIN, NONCE))
        swapped = message("ES256", ORIGIN, NONCE)
        forged = {
            "zero": ("R and S are zero", bytes(64)),
            "short": ("63 bytes", raw[:63]),
            "der": ("DER instead of R and S", _der_signature(card)),
            "swapped": ("the two hashes swapped", sign(card.key, "ES256", swapped[32:] + swapped[:32])),
            "unhashed": ("origin and nonce unhashed", sign(card.key, "ES256", (ORIGIN + NONCE).encode())),
        }
        for name, (about, signature) in forged.items():
            yield _unsigned(name, about, make_token(card.der, signature))
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 0)
        saltless = self._rsa_key.sign(message("PS256", ORIGIN, NONCE), pss, hashes.SHA256())
        yield _unsigned("pss-salt", "PSS without salt", make_token(self._rsa_card.der, saltless, "PS256"))
        for label, token in (
            ("ES384", {**good, "algorithm": "ES384"}),
            ("RS256", {**good, "algorithm": "RS256"}),
        ):
            yield Sample(f"label-{label}", f"{label} on P-256", token, "certificate-key-mismatch", 7)

    def _signing_card(self, subject: x509.Name | None = None) -> ForgedCard:
        return self._forge.card(
            key=ec.generate_private_key(ec.SECP384R1()),
            usage=key_usage("content_commitment"),
            purposes=None,
            subject=subject or person(),
        )

    def _leading_zero(self) -> Token:
        while True:
            signature = sign(self._card.key, "ES256", message("ES256", ORIGIN, NONCE))
            if signature[0] == 0:
                return make_token(self._card.der, signature)


def _unsigned(name: str, about: str, token: Token) -> Sample:
    return Sample(f"signature-{name}", about, token, "signature-invalid", 7)


def _der_signature(card: ForgedCard) -> bytes:
    if not isinstance(card.key, ec.EllipticCurvePrivateKey):
        raise TypeError("the card has no EC key")
    return card.key.sign(message("ES256", ORIGIN, NONCE), ec.ECDSA(hashes.SHA256()))


def main(arguments: list[str]) -> None:
    """Writes the samples into the file that is named."""
    Path(arguments[0]).write_text("\n".join(SampleForge().lines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
