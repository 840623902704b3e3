"""`hoviat bench`."""

import json
from collections.abc import Iterable

import click

from simulators.load.result import Result


@click.group()
def bench() -> None:
    """Benchmarks, each measuring its figure and its limit in the same run.

    A figure means little by itself on a shared machine: read the ratio. A goal that is missed is told as `NOT
    met` (`goal_met` in JSON); the exit status is 0 all the same.
    """


_quick = click.option("--quick", is_flag=True, help="End within a minute.")
_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON line per case.")


@bench.command()
@_quick
@_json
def personalise(*, quick: bool, as_json: bool) -> None:
    """Cards personalised per second in process, against the cryptography alone.

    Then APDUs, bytes and modelled seconds (a median card at TA1=96) per card, against the least that could
    carry the same objects; with extended and with short APDUs.
    """
    from simulators.load.personalise import measure

    _print(measure(cards=5 if quick else 50), as_json=as_json)


@bench.command()
@_quick
@_json
def production(*, quick: bool, as_json: bool) -> None:
    """Cards per second by batch runs from the queue, on cards that need no time, against their keys alone."""
    from simulators.load.production import measure

    _print(measure(cards=10 if quick else 100), as_json=as_json)


@bench.command()
@_quick
@_json
def simulator(*, quick: bool, as_json: bool) -> None:
    """APDUs per second in process and through pcscd; cards personalised, against their cryptography."""
    from simulators.load.simulator import measure

    _print(measure(apdus=2_000 if quick else 20_000, cards=20 if quick else 200), as_json=as_json)


@bench.command()
@_quick
@_json
def readers(*, quick: bool, as_json: bool) -> None:
    """Cards personalised per second in 1, 4 and 16 readers at once, their cards as slow as hardware."""
    from simulators.load.readers import measure

    _print(measure(cards=1 if quick else 5), as_json=as_json)


@bench.command()
@_quick
@_json
def station(*, quick: bool, as_json: bool) -> None:
    """Seconds more that a card takes through a station, with 25 and 50 ms of network each way."""
    from simulators.load.station import measure

    _print(measure(cards=1 if quick else 5), as_json=as_json)


@bench.command()
@_quick
@_json
def login(*, quick: bool, as_json: bool) -> None:
    """Full HTTP logins per second, on one worker and two, against framework and cryptography in series."""
    from simulators.load.login.measure import FULL, QUICK, measure

    _print(measure(QUICK if quick else FULL), as_json=as_json)


@bench.command()
@_quick
@_json
def enrolment(*, quick: bool, as_json: bool) -> None:
    """Applications per second over HTTP by 30 clerks with 40 kB portraits, against the portraits alone."""
    from simulators.load.enrolment import measure

    _print(measure(applications=60 if quick else 1_500), as_json=as_json)


@bench.command()
@_quick
@_json
def search(*, quick: bool, as_json: bool) -> None:
    """Milliseconds to find a person among 1,000 to 1,000,000, against growth by the logarithm."""
    from simulators.load.search import FULL, QUICK, measure

    _print(measure(QUICK if quick else FULL), as_json=as_json)


@bench.command()
@_quick
@_json
def issue(*, quick: bool, as_json: bool) -> None:
    """Certificates per second recorded, linted, signed and stored, against building and signing alone."""
    from simulators.load.issue import measure

    _print(measure(batches=1 if quick else 5, singles=50 if quick else 500), as_json=as_json)


@bench.command()
@_quick
@_json
def validate(*, quick: bool, as_json: bool) -> None:
    """Paths validated per second, against their bare signature checks; and with a CRL of 100,000 entries."""
    from simulators.load.validate import measure

    _print(measure(seconds=1.0 if quick else 8.0), as_json=as_json)


@bench.command()
@_quick
@_json
def audit(*, quick: bool, as_json: bool) -> None:
    """Audit entries per second, a checkpoint over all of them, and a proof, against hashing alone."""
    from simulators.load.audit import measure

    _print(measure(entries=50_000 if quick else 1_000_000), as_json=as_json)


@bench.command()
@_quick
@_json
def ocsp(*, quick: bool, as_json: bool) -> None:
    """OCSP answers per second over HTTP, stored and fresh, from small and large databases."""
    from simulators.load.ocsp.measure import FULL, QUICK, measure

    _print(measure(QUICK if quick else FULL), as_json=as_json)


@bench.command(name="mass-revoke")
@_quick
@_json
def mass_revoke(*, quick: bool, as_json: bool) -> None:
    """Seconds from the proposal of a mass action to its CRL and OCSP answers, against one bare UPDATE."""
    from simulators.load.massrevoke import measure

    _print(measure(certificates=20_000 if quick else 760_000, shards=16 if quick else 4096), as_json=as_json)


@bench.command(name="mass-suspend")
@_quick
@_json
def mass_suspend(*, quick: bool, as_json: bool) -> None:
    """Seconds from a mass action's confirmation in the registry to its last CRL and OCSP answer, counted."""
    from simulators.load.masssuspend import measure

    _print(measure(certificates=4_000 if quick else 760_000, shards=16 if quick else 4096), as_json=as_json)


@bench.command()
@_quick
@_json
def crl(*, quick: bool, as_json: bool) -> None:
    """CRLs of 10 k to 5 M entries per second and their memory, against encoding and hashing alone."""
    from simulators.load.crl import measure

    _print(measure([10_000, 100_000] if quick else [10_000, 100_000, 1_000_000, 5_000_000]), as_json=as_json)


def _print(results: Iterable[Result], *, as_json: bool) -> None:
    for result in results:
        click.echo(json.dumps(result.as_data()) if as_json else result.as_text())
