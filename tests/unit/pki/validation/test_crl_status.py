"""CRLs: what each says of a certificate, and when it says nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1

from pki import der, oids
from pki.validation import Evidence, PathPolicy, RevocationMode, read_crl, validate
from pki.validation.decoders import Usage
from pki.validation.entries import REASONS
from pki.validation.errors import MalformedCrlError, RevokedError, StaleStatusError, StatusUnknownError
from tests.unit.pki.validation.making import (
    DAY,
    NOW,
    NULL,
    Entry,
    Party,
    authority_key,
    basic_constraints,
    ca,
    certificate_issuer,
    certify,
    directory,
    distribution_point,
    distribution_points,
    issuing_point,
    key_usage,
    make_crl,
    party,
    uri,
)

WANTED = PathPolicy(revocation=RevocationMode.CRL)
ROOT, MIDDLE, LEAF, OTHER = party("root"), party("middle"), party("leaf"), party("other")
ANCHOR = certify(ROOT, ROOT, *ca())
ISSUING = certify(MIDDLE, ROOT, *ca(0), serial=2)
SERIAL = 77
PLAIN = certify(LEAF, MIDDLE, serial=SERIAL)
ROOT_CRL = make_crl(ROOT)
POINT_7, POINT_8 = uri("http://ca/7.crl"), uri("http://ca/8.crl")
OF_7 = certify(LEAF, MIDDLE, distribution_points(distribution_point(POINT_7)), serial=SERIAL)
CRITICAL = der.extension("1.2.3.4", NULL, critical=True)
USER, CA, INDIRECT, ATTRIBUTE = 1, 2, 4, 5


def judge(
    leaf: bytes,
    *crls: bytes,
    others: Sequence[bytes] = (),
    anchors: Sequence[bytes] = (ANCHOR,),
    policy: PathPolicy = WANTED,
) -> None:
    validate([leaf, ISSUING, *others], anchors, NOW, policy, Evidence.of([ROOT_CRL, *crls]))


def test_a_certificate_that_is_not_listed_is_good() -> None:
    judge(PLAIN, make_crl(MIDDLE, Entry(78), Entry(79, 1)))


@pytest.mark.parametrize("reason", [None, 0, 1, 2, 3, 4, 5, 6, 9, 10])
def test_a_listed_one_is_revoked_or_on_hold(reason: int | None) -> None:
    with pytest.raises(RevokedError) as caught:
        judge(PLAIN, make_crl(MIDDLE, Entry(78), Entry(SERIAL, reason)))
    assert caught.value.depth == 0
    assert caught.value.reason == REASONS[reason or 0]
    assert caught.value.since == NOW - DAY
    assert caught.value.serial == SERIAL


def test_a_revoked_ca_takes_its_certificates_along() -> None:
    with pytest.raises(RevokedError) as caught:
        validate(
            [PLAIN, ISSUING],
            [ANCHOR],
            NOW,
            WANTED,
            Evidence.of([make_crl(ROOT, Entry(2, 2)), make_crl(MIDDLE)]),
        )
    assert caught.value.depth == 1


@pytest.mark.parametrize("serial", [0, -1, -300, 127, 128, 2**159 - 1, 2**160, 2**500])
def test_serials_of_every_size_and_sign(serial: int) -> None:
    leaf = certify(LEAF, MIDDLE, serial=serial)
    judge(leaf, make_crl(MIDDLE, Entry(serial + 1), Entry(serial - 1)))
    with pytest.raises(RevokedError):
        judge(leaf, make_crl(MIDDLE, Entry(serial)))


UNUSABLE = {
    "none": [],
    "by another": [make_crl(OTHER)],
    "for the root": [make_crl(ROOT, number=2)],
    "wrong key": [make_crl(MIDDLE, signer=OTHER)],
    "no next": [make_crl(MIDDLE, life=(NOW - DAY, None))],
    "unknown critical extension": [make_crl(MIDDLE, extensions=[CRITICAL])],
    "unknown critical entry extension": [make_crl(MIDDLE, Entry(1, extensions=(CRITICAL,)))],
    "certificate issuer in a direct one": [
        make_crl(MIDDLE, Entry(1, extensions=(certificate_issuer(OTHER.name),)))
    ],
    "other point": [make_crl(MIDDLE, extensions=[issuing_point(POINT_8)])],
    "CAs only": [make_crl(MIDDLE, extensions=[issuing_point(flags=[CA])])],
    "attributes only": [make_crl(MIDDLE, extensions=[issuing_point(flags=[ATTRIBUTE])])],
    "some reasons": [make_crl(MIDDLE, extensions=[issuing_point(reasons=[1, 2, 3, 4, 5])])],
    "delta only": [make_crl(MIDDLE, base=1, number=2)],
}


@pytest.mark.parametrize("crls", UNUSABLE.values(), ids=UNUSABLE)
def test_without_a_crl_that_counts_the_status_is_unknown(crls: list[bytes]) -> None:
    with pytest.raises(StatusUnknownError) as caught:
        judge(OF_7, *crls)
    assert caught.value.depth == 0
    assert type(caught.value) is StatusUnknownError
    assert caught.value.causes


@pytest.mark.parametrize("life", [(NOW - 2 * DAY, NOW - DAY), (NOW + DAY, NOW + 2 * DAY)])
def test_a_crl_of_another_time_is_stale(life: tuple[object, object]) -> None:
    with pytest.raises(StaleStatusError):
        judge(PLAIN, make_crl(MIDDLE, life=life))  # type: ignore[arg-type]


def test_the_ends_of_a_crls_life() -> None:
    judge(PLAIN, make_crl(MIDDLE, life=(NOW, NOW)))
    judge(PLAIN, make_crl(MIDDLE, life=(NOW + WANTED.clock_skew, NOW + DAY)))
    with pytest.raises(StaleStatusError):
        judge(PLAIN, make_crl(MIDDLE, life=(NOW - DAY, NOW - timedelta(seconds=1))))


def test_a_bad_crl_beside_a_good_one_does_no_harm() -> None:
    judge(PLAIN, make_crl(MIDDLE, Entry(SERIAL), signer=OTHER), make_crl(MIDDLE))


def test_the_newer_of_two_counts() -> None:
    held = make_crl(MIDDLE, Entry(SERIAL, 6), number=1, life=(NOW - DAY, NOW + DAY))
    freed = make_crl(MIDDLE, number=2, life=(NOW - DAY / 2, NOW + DAY))
    judge(PLAIN, held, freed)
    with pytest.raises(RevokedError):
        judge(PLAIN, make_crl(MIDDLE, number=1), make_crl(MIDDLE, Entry(SERIAL), number=2))


def test_an_issuer_that_may_not_sign_crls() -> None:
    issuing = certify(MIDDLE, ROOT, basic_constraints(0), key_usage(Usage.KEY_CERT_SIGN), serial=2)
    with pytest.raises(StatusUnknownError):
        validate([PLAIN, issuing], [ANCHOR], NOW, WANTED, Evidence.of([ROOT_CRL, make_crl(MIDDLE)]))


class TestPartitions:
    def test_the_partition_that_the_certificate_names(self) -> None:
        other = make_crl(MIDDLE, Entry(SERIAL), extensions=[issuing_point(POINT_8)])
        mine = make_crl(MIDDLE, extensions=[issuing_point(POINT_7, flags=[USER])])
        judge(OF_7, other, mine)
        with pytest.raises(RevokedError):
            judge(OF_7, make_crl(MIDDLE, Entry(SERIAL), extensions=[issuing_point(POINT_7)]))

    def test_a_whole_crl_covers_every_partition(self) -> None:
        judge(OF_7, make_crl(MIDDLE))

    def test_a_partition_does_not_cover_who_names_none(self) -> None:
        with pytest.raises(StatusUnknownError):
            judge(PLAIN, make_crl(MIDDLE, extensions=[issuing_point(POINT_7)]))

    def test_one_of_several_names_is_enough(self) -> None:
        judge(OF_7, make_crl(MIDDLE, extensions=[issuing_point(POINT_8, POINT_7)]))

    def test_users_and_cas_apart(self) -> None:
        users = make_crl(ROOT, number=9, extensions=[issuing_point(flags=[USER])])
        cas = make_crl(ROOT, number=9, extensions=[issuing_point(flags=[CA])])
        leaf = make_crl(MIDDLE)
        validate([PLAIN, ISSUING], [ANCHOR], NOW, WANTED, Evidence.of([cas, leaf]))
        with pytest.raises(StatusUnknownError) as caught:
            validate([PLAIN, ISSUING], [ANCHOR], NOW, WANTED, Evidence.of([users, leaf]))
        assert caught.value.depth == 1

    def test_reasons_are_put_together(self) -> None:
        some = make_crl(MIDDLE, extensions=[issuing_point(reasons=[1, 2])])
        rest = make_crl(MIDDLE, extensions=[issuing_point(reasons=[3, 4, 5, 6, 7, 8])])
        judge(PLAIN, some, rest)
        with pytest.raises(RevokedError):
            judge(PLAIN, some, make_crl(MIDDLE, Entry(SERIAL, 3), extensions=[issuing_point(reasons=[3])]))


class TestDeltas:
    BASE = make_crl(MIDDLE, Entry(80), number=5)
    HELD = make_crl(MIDDLE, Entry(SERIAL, 6), number=5)

    def delta(self, *entries: Entry, base: int = 5, number: int = 6, **more: object) -> bytes:
        return make_crl(MIDDLE, *entries, base=base, number=number, **more)  # type: ignore[arg-type]

    def test_a_delta_adds(self) -> None:
        with pytest.raises(RevokedError):
            judge(PLAIN, self.BASE, self.delta(Entry(SERIAL, 1)))

    def test_a_delta_frees_from_a_hold(self) -> None:
        judge(PLAIN, self.HELD, self.delta(Entry(SERIAL, 8)))

    def test_a_delta_that_is_silent_changes_nothing(self) -> None:
        judge(PLAIN, self.BASE, self.delta(Entry(81)))
        with pytest.raises(RevokedError):
            judge(PLAIN, self.HELD, self.delta(Entry(81)))

    @pytest.mark.parametrize("numbers", [(6, 7), (3, 5), (3, 4)])
    def test_a_delta_for_another_base_is_not_used(self, numbers: tuple[int, int]) -> None:
        judge(PLAIN, self.BASE, self.delta(Entry(SERIAL, 1), base=numbers[0], number=numbers[1]))

    def test_a_delta_over_several_numbers(self) -> None:
        with pytest.raises(RevokedError):
            judge(PLAIN, self.BASE, self.delta(Entry(SERIAL, 1), base=3, number=9))

    def test_the_newest_delta_counts(self) -> None:
        old = self.delta(Entry(SERIAL, 6), number=6, life=(NOW - DAY, NOW + DAY))
        new = self.delta(Entry(SERIAL, 8), number=7, life=(NOW - DAY / 2, NOW + DAY))
        judge(PLAIN, self.HELD, old, new)

    def test_a_delta_of_another_scope_or_key_is_not_used(self) -> None:
        judge(PLAIN, self.BASE, self.delta(Entry(SERIAL, 1), extensions=[issuing_point(flags=[USER])]))
        judge(PLAIN, self.BASE, self.delta(Entry(SERIAL, 1), extensions=[authority_key(b"k")]))

    def test_a_forged_or_ended_delta_is_not_used(self) -> None:
        judge(PLAIN, self.BASE, self.delta(Entry(SERIAL, 1), signer=OTHER))
        judge(PLAIN, self.BASE, self.delta(Entry(SERIAL, 1), life=(NOW - 2 * DAY, NOW - DAY)))

    def test_a_fresh_delta_keeps_an_ended_base_alive(self) -> None:
        ended = make_crl(MIDDLE, number=5, life=(NOW - 2 * DAY, NOW - DAY))
        with pytest.raises(StaleStatusError):
            judge(PLAIN, ended)
        judge(PLAIN, ended, self.delta(Entry(81)))
        with pytest.raises(RevokedError):
            judge(PLAIN, ended, self.delta(Entry(SERIAL)))


class TestIndirect:
    SIGNER = party("CRL issuer")
    SIGNER_CERTIFICATE = certify(SIGNER, ROOT, key_usage(Usage.CRL_SIGN), serial=3)
    LEAF = certify(
        LEAF,
        MIDDLE,
        distribution_points(distribution_point(POINT_7, crl_issuer=[directory(SIGNER.name)])),
        serial=SERIAL,
    )

    def crl(self, *entries: Entry, flags: Sequence[int] = (INDIRECT,), signer: Party | None = None) -> bytes:
        return make_crl(
            self.SIGNER, *entries, extensions=[issuing_point(POINT_7, flags=flags)], signer=signer
        )

    def judge(self, *crls: bytes, leaf: bytes | None = None) -> None:
        judge(leaf or self.LEAF, *crls, others=[self.SIGNER_CERTIFICATE])

    def test_entries_are_of_the_issuer_that_is_named_last(self) -> None:
        theirs = Entry(SERIAL, extensions=(certificate_issuer(OTHER.name),))
        self.judge(self.crl(Entry(SERIAL), theirs, Entry(SERIAL + 1)))
        mine = Entry(SERIAL - 1, extensions=(certificate_issuer(MIDDLE.name),))
        with pytest.raises(RevokedError):
            self.judge(self.crl(theirs, mine, Entry(SERIAL)))

    def test_only_an_indirect_crl_speaks_for_others(self) -> None:
        with pytest.raises(StatusUnknownError):
            self.judge(self.crl(flags=()))

    def test_the_certificate_must_name_the_crl_issuer(self) -> None:
        with pytest.raises(StatusUnknownError):
            self.judge(self.crl(), leaf=OF_7)

    def test_the_signers_path_must_hold(self) -> None:
        with pytest.raises(StatusUnknownError):
            judge(self.LEAF, self.crl())
        stranger = certify(self.SIGNER, OTHER, key_usage(Usage.CRL_SIGN))
        with pytest.raises(StatusUnknownError):
            judge(self.LEAF, self.crl(), others=[stranger])
        wrong = certify(self.SIGNER, ROOT, key_usage(Usage.DIGITAL_SIGNATURE), serial=4)
        with pytest.raises(StatusUnknownError):
            judge(self.LEAF, self.crl(), others=[wrong])

    def test_a_signer_below_another_anchor_does_not_count(self) -> None:
        stranger = certify(self.SIGNER, OTHER, key_usage(Usage.CRL_SIGN))
        with pytest.raises(StatusUnknownError):
            judge(
                self.LEAF,
                self.crl(),
                make_crl(OTHER),
                others=[stranger],
                anchors=[ANCHOR, certify(OTHER, OTHER, *ca())],
            )

    def test_a_revoked_signer_does_not_count(self) -> None:
        with pytest.raises(StatusUnknownError):
            validate(
                [self.LEAF, ISSUING, self.SIGNER_CERTIFICATE],
                [ANCHOR],
                NOW,
                WANTED,
                Evidence.of([make_crl(ROOT, Entry(3, 1)), self.crl()]),
            )

    def test_signers_whose_statuses_rest_on_each_other_do_not_count(self) -> None:
        first, second = party("first"), party("second")

        def signer(of: Party, by: Party) -> bytes:
            points = distribution_points(distribution_point(POINT_8, crl_issuer=[directory(by.name)]))
            return certify(of, ROOT, key_usage(Usage.CRL_SIGN), points)

        def crl(by: Party) -> bytes:
            return make_crl(by, extensions=[issuing_point(POINT_8, flags=[INDIRECT])])

        points = distribution_points(distribution_point(POINT_8, crl_issuer=[directory(first.name)]))
        leaf = certify(LEAF, MIDDLE, points, serial=SERIAL)
        bag = [leaf, ISSUING, signer(first, second), signer(second, first)]
        evidence = Evidence.of(
            [make_crl(ROOT, extensions=[issuing_point(flags=[CA])]), crl(first), crl(second)]
        )
        with pytest.raises(StatusUnknownError):
            validate(bag, [ANCHOR], NOW, WANTED, evidence)


def test_an_old_key_of_the_same_name_may_still_sign_crls() -> None:
    """Roll-over: the certificate is by the new key, the CRL by the old one, whose path holds too."""
    old = Party(MIDDLE.name)
    judge(PLAIN, make_crl(MIDDLE, signer=old), others=[certify(old, ROOT, *ca(0), serial=5)])
    with pytest.raises(StatusUnknownError):
        judge(PLAIN, make_crl(MIDDLE, signer=old), others=[certify(old, OTHER, *ca(0), serial=5)])


def test_strictness_asks_for_a_number() -> None:
    strict = PathPolicy(revocation=RevocationMode.CRL, strict=True)
    key = (authority_key(b"k"),)
    anchor = certify(ROOT, ROOT, *ca(), _subject_key())
    issuing = certify(MIDDLE, ROOT, *ca(0), _subject_key(), *key)
    leaf = certify(LEAF, MIDDLE, *key)
    for number, holds in ((1, True), (None, False)):
        evidence = Evidence.of([ROOT_CRL, make_crl(MIDDLE, number=number)])
        if holds:
            validate([leaf, issuing], [anchor], NOW, strict, evidence)
        else:
            with pytest.raises(StatusUnknownError):
                validate([leaf, issuing], [anchor], NOW, strict, evidence)


def test_what_one_policy_took_another_still_refuses() -> None:
    """A parsed CRL remembers its verified signature, but not for a policy that refuses SHA-1."""
    over_sha1 = read_crl(_over_sha1(make_crl(MIDDLE), MIDDLE))
    evidence = Evidence.of([ROOT_CRL, over_sha1])
    validate([PLAIN, ISSUING], [ANCHOR], NOW, replace(WANTED, sha1=True), evidence)
    with pytest.raises(StatusUnknownError):
        validate([PLAIN, ISSUING], [ANCHOR], NOW, WANTED, evidence)


def _over_sha1(crl: bytes, signer: Party) -> bytes:
    algorithm = der.sequence((der.object_identifier("1.2.840.10045.4.1"),))
    version, _, *rest = der.parse(crl, der.SEQUENCE).children()[0].children()
    tbs = der.sequence((version.raw, algorithm, *(part.raw for part in rest)))
    signature = signer.key.sign(tbs, ec.ECDSA(SHA1()))  # noqa: S303 - what is to be refused
    return der.sequence((tbs, algorithm, der.bit_string(signature)))


def _subject_key() -> bytes:
    return der.extension(oids.SUBJECT_KEY_IDENTIFIER, der.encode(der.OCTET_STRING, b"k"))


class TestReading:
    def test_a_hundred_thousand_entries_are_indexed_once_and_reused(self) -> None:
        crl = read_crl(
            make_crl(MIDDLE, *(Entry(serial * 3, serial % 2 or None) for serial in range(100_000)))
        )
        assert crl.entries == 100_000
        assert crl.find(MIDDLE.name, 299_997) == (NOW - DAY, "keyCompromise")
        assert crl.find(MIDDLE.name, 299_996) is None
        assert crl.find(OTHER.name, 299_997) is None
        evidence = Evidence.of([ROOT_CRL, crl])
        for _ in range(3):
            validate([PLAIN, ISSUING], [ANCHOR], NOW, WANTED, evidence)
        assert crl.verified_by == {(MIDDLE.spki, False)}

    @pytest.mark.parametrize(
        "damage",
        [
            lambda _crl: b"",
            lambda _crl: b"\x30",
            lambda crl: crl[:-1],
            lambda crl: crl + b"\x00",
            lambda crl: crl.replace(der.integer(SERIAL), b"\x04\x01M"),
            lambda crl: crl.replace(der.time(NOW - DAY), b"\x17\x0d" + b"x" * 13),
        ],
    )
    def test_what_is_no_crl(self, damage: object) -> None:
        crl = make_crl(MIDDLE, Entry(SERIAL))
        with pytest.raises(MalformedCrlError):
            read_crl(damage(crl))  # type: ignore[operator]

    def test_a_reason_that_does_not_exist(self) -> None:
        with pytest.raises(MalformedCrlError):
            judge(PLAIN, make_crl(MIDDLE, Entry(SERIAL, 11)))
