import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulators.process import free_port, python_process
from simulators.readers.pcscd import pcscd_service
from tests.integration.mainjob.hoviat_command import command, json_lines, succeed

READER = "Virtual PCD 00 00"
SLOT_WAIT_S = "300"  # other test runs of this machine may have a card in


@dataclass(frozen=True)
class IssuedCard:
    """What `hoviat sim issue` printed, and where its certificates' issuers lie."""

    home: Path
    file: Path
    pin: str
    puk: str
    card_number: str
    national_code: str
    certificates: dict[str, str]
    """PEM by slot."""
    ca_folder: Path

    @property
    def root(self) -> Path:
        return self.ca_folder / "root-g1.pem"

    @property
    def citizen(self) -> Path:
        """The CA of key 9A."""
        return self.ca_folder / "citizen-auth-g1.pem"

    @property
    def crls(self) -> list[str]:
        """openssl's options for the CRLs of the card's CAs and of the root."""
        names = ("citizen-auth-g1", "citizen-sign-g1", "root-g1")
        return [option for name in names for option in ("-CRLfile", str(self.ca_folder / f"{name}.crl"))]

    @property
    def chain(self) -> Path:
        return self.ca_folder / "chain.pem"


def issue_card(home: Path) -> IssuedCard:
    (line,) = json_lines(succeed(home, "sim", "issue", "--count", "1", "--seed", "1"))
    ca_folder = home.parent / "ca"
    succeed(home, "pki", "export", "--dir", str(ca_folder))
    return IssuedCard(
        home=home,
        file=Path(line["file"]),
        pin=line["pin"],
        puk=line["puk"],
        card_number=line["card_number"],
        national_code=line["national_code"],
        certificates={entry["slot"]: entry["pem"] for entry in line["certificates"]},
        ca_folder=ca_folder,
    )


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> IssuedCard:
    return issue_card(tmp_path_factory.mktemp("issued") / "home")


@pytest.fixture(scope="module")
def reader(issued: IssuedCard) -> Iterator[str]:
    """The issued card sits in this reader, put there by `hoviat sim insert`."""
    arguments = command(issued.home, "sim", "insert", str(issued.file), "--wait", SLOT_WAIT_S)
    with pcscd_service(), subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "inserted\n"
        yield READER
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture(scope="module")
def server(issued: IssuedCard) -> Iterator[str]:
    """`hoviat serve` on a port of its own."""
    port = free_port()
    with python_process(["-m", "hoviat", "--home", str(issued.home), "serve", "--port", str(port)], port):
        yield f"http://127.0.0.1:{port}"
