"""The mark of modules whose tests go the same ways hundreds of times: cut at each place, or with any bytes.

Counting the lines that they run makes them take up to five times as long, and others run those lines once. So
the coverage that `make test` asks for comes from tests that were written for what they run.
"""

import pytest

REPEATED = pytest.mark.no_cover
"""pytest-cov's own: the test runs as ever and is not counted."""
