"""Real data beside the repository: used where they are, and a test that needs them says so where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def shared(name: str) -> Path:
    """Path of a file or folder of the real data; skips the test where there is none."""
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"real data not present: ../shared/data/{name}")
    return path
