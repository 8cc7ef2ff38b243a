"""One site for all tests of the page: they follow it from the first block to the last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.db.conftest import server_url
from tests.operate.site import Site, site

__all__ = ["server_url"]


@pytest.fixture(scope="package")
def place() -> Iterator[Site]:
    """The site, as far as the tests before have brought it."""
    with site() as found:
        yield found
