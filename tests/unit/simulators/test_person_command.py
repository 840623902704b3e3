"""`hoviat sim person`: somebody of the synthetic civil register, with a portrait that enrolment takes."""

import json
from pathlib import Path

from click.testing import CliRunner

from hoviat import main
from issuance.enrolment.portrait import normalise_portrait
from simulators.installation.services import REGISTER_SEED
from simulators.population.people import People
from simulators.population.register import SyntheticCivilRegister


def test_somebody_to_enrol(tmp_path: Path) -> None:
    file = tmp_path / "p.jpg"
    result = CliRunner().invoke(main, ["sim", "person", "--number", "7", "--portrait", str(file)])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    record = SyntheticCivilRegister(People(REGISTER_SEED)).find(told["national_code"])
    assert record is not None
    assert record.birth_date.isoformat() == told["birth_date"]
    assert normalise_portrait(file.read_bytes())


def test_a_place_that_is_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["sim", "person", "--portrait", str(tmp_path / "no" / "p.jpg")])
    assert result.exit_code == 1
    assert "No such file" in result.output


def test_nobody_has_this_number() -> None:
    for number in ("1000000", "99999999999999999999", "-1"):
        result = CliRunner().invoke(main, ["sim", "person", "--number", number])
        assert (result.exit_code, "--number" in result.output) == (2, True)
