"""The secret of the digests by which an import tells that a person's row is as before.

A digest of name, identity number and phone that anybody can compute is as good as the number itself to whoever reads
the column: numbers can be tried out. So it has a key, and the key stands in a file of the data directory, never in the
database or its dump.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from gisapp.errors import Unavailable
from gisapp.services.importing.registry import importer_for

_BYTES = 32


def key_for(kind: str, data_dir: Path) -> bytes:
    """The key where a kind of data needs one, else nothing.

    Raises:
        InputError: no such kind.
        Unavailable: as ``digest_key``.
    """
    return digest_key(data_dir) if importer_for(kind).personal else b""


def digest_key(data_dir: Path) -> bytes:
    """The key of this data directory, made when there is none.

    A lost one does no harm: rows imported before count as changed once more.

    Raises:
        Unavailable: it can neither be read nor made.
    """
    path = data_dir / "keys" / "import-digest"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        kept = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"读不到导入用的密钥 {path}。",
            remedy="请管理员检查该文件的权限；如已损坏，删除后会重新生成，下次导入时人口会全部计为更新。",
        ) from error
    if len(kept) < _BYTES:
        raise Unavailable(
            f"导入用的密钥 {path} 已损坏。",
            remedy="请管理员删除该文件，会重新生成；下次导入时人口会全部计为更新。",
        )
    return kept


def _make(path: Path) -> None:
    """Write it whole under another name first: of two programs that do so at once, the first one's stays."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink()
