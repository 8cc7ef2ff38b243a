"""The key of the digests of imported people: made once, kept, never half there."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gisapp.errors import InputError, Unavailable
from gisapp.services.importing.identify import row_digests
from gisapp.services.importing.keys import digest_key, key_for

ROW = [["王小明"], ["339901199001021234"], ["13800000001"]]


def test_a_digest_without_the_key_fits_nothing() -> None:
    plain = hashlib.blake2b("\x1f".join(column[0] for column in ROW).encode(), digest_size=16).hexdigest()
    assert row_digests(ROW, 1) == [plain]
    keyed = row_digests(ROW, 1, key=b"k" * 32)
    assert keyed != [plain]
    assert keyed == row_digests(ROW, 1, key=b"k" * 32)
    assert keyed != row_digests(ROW, 1, key=b"l" * 32)


def test_the_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    key = digest_key(tmp_path)
    assert len(key) == 32
    assert digest_key(tmp_path) == key
    path = tmp_path / "keys" / "import-digest"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["import-digest"]


def test_programs_that_start_together_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: digest_key(tmp_path), range(64)))
    assert len(keys) == 1


@pytest.mark.parametrize("content", ["", "not hexadecimal", "00ff"])
def test_a_damaged_key_is_named_with_the_remedy(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "import-digest").write_text(content)
    with pytest.raises(Unavailable, match="import-digest") as refused:
        digest_key(tmp_path)
    assert "重新生成" in str(refused.value.remedy)


def test_only_kinds_of_people_need_it(tmp_path: Path) -> None:
    assert key_for("buildings", tmp_path) == b""
    assert not (tmp_path / "keys").exists()
    assert key_for("people", tmp_path) == digest_key(tmp_path)
    with pytest.raises(InputError):
        key_for("nothing", tmp_path)
