"""Who server and simulator run as when set-up is root, and on what: never as root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gisapp.bootstrap import copies, runtime, unprivileged
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.databases import Addresses
from gisapp.bootstrap.layout import INSTALLED, IS_ROOT, ROOT, DataDirectory
from gisapp.bootstrap.processes import Account
from gisapp.bootstrap.runtime import Runtime
from gisapp.bootstrap.trouble import SetupError
from gisapp.services.importing.keys import digest_key

SELF = Account("me", os.geteuid(), os.getegid(), tuple(os.getgroups()))
STRANGER = Account("stranger", 64_123, 64_124)
only_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become somebody else")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can walk to; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="onemap-open-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_stranger(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program as a user who owns nothing."""
    return subprocess.run(
        [str(word) for word in words],
        user=STRANGER.uid,
        group=STRANGER.gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_ordinary_users_programs_run_as_that_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "IS_ROOT", False)
    chosen = runtime.choose(Console(tmp_path / "log"), DataDirectory(tmp_path), 80, "1")
    assert chosen == Runtime(None, INSTALLED.python, ROOT)
    assert chosen.command(["python", "-m", "x"]) == [str(INSTALLED.python), "-m", "x"]
    assert chosen.environment({"HOME": "/home/me"}, DataDirectory(tmp_path)) == {"HOME": "/home/me"}


def test_environment_of_the_server_has_nothing_of_roots(tmp_path: Path) -> None:
    given = {
        "HOME": "/root",
        "USER": "root",
        "SUDO_USER": "x",
        "TMPDIR": str(tmp_path / "private"),
        "LANG": "C",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": "/root/somewhere",
    }
    (tmp_path / "private").mkdir(mode=0o700)
    chosen = Runtime(SELF, Path("/p/python"), Path("/p/app"), Path("/p/shared"))
    env = chosen.environment(given, DataDirectory(tmp_path))
    assert env["LANG"] == "C" and env["USER"] == "me"
    assert not {"SUDO_USER", "TMPDIR", "PYTHONDONTWRITEBYTECODE"} & set(env)
    caches = {env[name] for name in ("HOME", "PYTHONPYCACHEPREFIX", "NUMBA_CACHE_DIR")}
    assert all(path.startswith(str(tmp_path / "cache")) for path in caches)
    assert env["PYTHONPATH"] == "/p/app" and env["LD_LIBRARY_PATH"] == "/p/shared"
    more = chosen.environment({**given, "LD_LIBRARY_PATH": "/x"}, DataDirectory(tmp_path))
    assert more["LD_LIBRARY_PATH"] == "/p/shared:/x"


def test_the_owners_address_never_reaches_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner:secret@db/x")
    addresses = Addresses("postgresql://owner:secret@db/x", "postgresql://app@db/x")
    env = addresses.environment(DataDirectory(tmp_path), admin=False)
    assert not [name for name, value in env.items() if "owner:secret" in value]


def test_a_port_that_only_root_may_use_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_a, **_k: "1024\n")
    unprivileged.require_port(1024)
    with pytest.raises(SetupError, match="1023 只有 root") as refused:
        unprivileged.require_port(1023)
    assert "反向代理" in str(refused.value.remedy) and "1024 以上" in str(refused.value.remedy)


def test_no_message_advises_to_open_roots_home() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "gisapp").rglob("*.py")]
    texts += [path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")]
    assert not [text for text in texts if "chmod o+x" in text or "以 root 运行：" in text]


@only_root
def test_an_account_that_cannot_walk_to_its_folders_is_refused(open_folder: Path) -> None:
    data = DataDirectory(open_folder / "closed" / "data")
    (data.path / "uploads").mkdir(parents=True)
    (data.path / "uploads").chmod(0o777)
    unprivileged.require_reachable(data, STRANGER)
    (open_folder / "closed").chmod(0o700)
    with pytest.raises(SetupError, match=f"进不去 {open_folder}/closed") as refused:
        unprivileged.require_reachable(data, STRANGER)
    assert "--data" in str(refused.value.remedy)


@only_root
def test_an_unreachable_database_is_refused_with_what_the_driver_says(open_folder: Path) -> None:
    addresses = Addresses("postgresql://x@127.0.0.1:1/x", "postgresql://x@127.0.0.1:1/x")
    chosen = Runtime(Account("root", 0, 0), INSTALLED.python)
    with pytest.raises(SetupError, match=r"连不上数据库.*refused") as refused:
        chosen.require_database(DataDirectory(open_folder), addresses)
    assert "./onemap up" in str(refused.value.remedy)


@only_root
def test_an_interpreter_that_cannot_be_run_is_refused(open_folder: Path) -> None:
    (open_folder / "python").write_text("#!/bin/sh\n")
    (open_folder / "python").chmod(0o700)
    addresses = Addresses("postgresql://x@/x", "postgresql://x@/x")
    with pytest.raises(SetupError, match="运行不了"):
        Runtime(STRANGER, open_folder / "python").require_database(DataDirectory(open_folder), addresses)


def test_the_server_owns_two_folders_and_reads_one_secret(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    data.prepare()
    (data.path / "uploads" / "3").mkdir(parents=True)
    unprivileged.hand_over(data, SELF)
    key = unprivileged.import_key(data)
    assert key.stat().st_mode & 0o777 == 0o640 and key.parent.stat().st_mode & 0o777 == 0o750
    for name in ("uploads", "cache"):
        assert (data.path / name).stat().st_uid == SELF.uid
    before = key.read_text()
    unprivileged.hand_over(data, SELF)
    assert key.read_text() == before
    # the application reads the very file
    assert digest_key(data.path) == bytes.fromhex(before.strip())


# --- copies ------------------------------------------------------------------------------------------------------------


def test_a_mirror_is_readable_and_keeps_what_is_executable(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    (source / "inner" / "text").write_text("words")
    (source / "tool").write_text("#!/bin/sh\n")
    (source / "open").write_text("x")
    (source / "test").mkdir()
    for path, mode in (
        (source / "inner" / "text", 0o600),
        (source / "tool", 0o700),
        (source / "open", 0o644),
    ):
        path.chmod(mode)
    (source / "link").symlink_to("inner/text")
    (source / "broken").symlink_to("nowhere")
    target = tmp_path / "target"
    copies.mirror(source, target, share=True, skip=frozenset({"test"}))
    assert sorted(path.name for path in target.iterdir()) == ["inner", "link", "open", "tool"]
    assert (target / "inner" / "text").stat().st_mode & 0o777 == 0o644
    assert (target / "tool").stat().st_mode & 0o777 == 0o755
    assert (target / "link").read_text() == "words"
    assert (source / "inner" / "text").stat().st_mode & 0o777 == 0o600, "the original stays closed"
    assert (target / "open").stat().st_ino == (source / "open").stat().st_ino, "shared, not doubled"
    apart = tmp_path / "apart"
    copies.mirror(source, apart)
    assert (apart / "open").stat().st_ino != (source / "open").stat().st_ino


def test_shared_libraries_of_the_system_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    told = (
        "/root/py/bin/python3:\n\tlinux-vdso.so.1 (0x1)\n"
        "\tlibpython3.11.so.1.0 => /root/py/lib/libpython3.11.so.1.0 (0x2)\n"
        "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x3)\n"
        "\tlibssl.so.3 => /usr/lib/x86_64-linux-gnu/libssl.so.3 (0x4)\n"
        "\tlibgone.so => not found\n"
        "/root/py/x.so:\n\tlibpython3.11.so.1.0 => /root/py/lib/libpython3.11.so.1.0 (0x2)\n"
    )
    monkeypatch.setattr(
        copies.subprocess, "run", lambda *_a, **_k: subprocess.CompletedProcess([], 0, told, "")
    )
    assert copies.shared_libraries([Path("x")]) == (Path("/root/py/lib/libpython3.11.so.1.0"),)


@only_root
def test_what_an_account_cannot_read_is_found(open_folder: Path) -> None:
    for name in ("good", "bad", "worse"):
        (open_folder / name / "__pycache__").mkdir(parents=True)
        (open_folder / name).chmod(0o755)
        (open_folder / name / "__pycache__").chmod(0o700)
        (open_folder / name / "file").write_text("x")
        (open_folder / name / "file").chmod(0o644)
    (open_folder / "bad" / "file").chmod(0o600)
    (open_folder / "worse").chmod(0o750)
    paths = [open_folder / name for name in ("good", "bad", "worse", "missing")]
    assert copies.closed_to(STRANGER, paths) == set(paths[1:])
    assert copies.closed_to(Account("root", 0, 0), paths) == {paths[3]}


@only_root
def test_a_program_below_a_closed_folder_runs_from_its_copy(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout that only root can enter, with an environment on the interpreter of this run: all of it real."""
    home = open_folder / "root"
    checkout = home / "checkout"
    (checkout / "gisapp").mkdir(parents=True)
    (checkout / "gisapp" / "__init__.py").write_text("ANSWER = 42\n")
    (checkout / "package-lock.json").write_text("{}")
    base = Path(subprocess.run(
        [sys.executable, "-c", "import os, sys; print(os.path.realpath(sys.executable))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip())  # fmt: skip
    venv = checkout / ".onemap" / "venv"
    subprocess.run([base, "-m", "venv", "--without-pip", venv], check=True)
    (next(venv.glob("lib/python3*/site-packages")) / "guest.py").write_text("HELLO = 'hello'\n")
    monkeypatch.setattr(copies, "ROOT", checkout)
    monkeypatch.setattr(copies, "INSTALLED", type(INSTALLED)(checkout / ".onemap"))
    home.chmod(0o700)
    data = DataDirectory(open_folder / "data")
    data.path.mkdir(mode=0o755)
    umask = os.umask(0o077)
    try:
        found = copies.ensure(data, STRANGER, "code 1")
    finally:
        os.umask(umask)
    assert found.folder is not None and found.root == found.folder / "app"
    code = "import gisapp, guest, json, ssl, sqlite3, sys; print(json.dumps([gisapp.ANSWER, guest.HELLO, sys.prefix]))"
    env = [f"PYTHONPATH={found.root}", *([f"LD_LIBRARY_PATH={found.libraries}"] if found.libraries else [])]
    done = as_stranger("env", "-i", *env, found.python, "-c", code)
    assert json.loads(done.stdout or "[]") == [42, "hello", str(found.folder / "venv")], done.stderr
    assert as_stranger("touch", found.root / "gisapp" / "new").returncode != 0, (
        "the copy is closed to writing"
    )

    assert copies.ensure(data, STRANGER, "code 1") == found, "nothing has changed: the same copy"
    before = found.folder.stat().st_mtime_ns
    (data.path / "program" / "half.new").mkdir()
    newer = copies.ensure(data, STRANGER, "code 2")
    assert newer.folder is not None and newer.folder != found.folder
    assert found.folder.stat().st_mtime_ns == before, "what runs on the old copy goes on"
    assert set(copies.clear(data, newer.folder)) == {found.folder, data.path / "program" / "half.new"}
    assert list((data.path / "program").iterdir()) == [newer.folder]


@only_root
def test_a_copy_is_whole_or_not_there(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataDirectory(open_folder)
    monkeypatch.setattr(copies, "closed_to", lambda _account, paths: {paths[0]})

    def full(*_words: object, **_more: object) -> None:
        raise OSError(28, "No space left on device", "/x")

    with monkeypatch.context() as disk:
        disk.setattr(copies.shutil, "copy2", full)
        with pytest.raises(SetupError, match="磁盘已满"):
            copies.ensure(data, STRANGER, "1")
    assert [path.suffix for path in (data.path / "program").iterdir()] == [".new"]
    found = copies.ensure(data, STRANGER, "1")
    assert found.folder is not None
    assert list((data.path / "program").iterdir()) == [found.folder]


def test_nothing_is_copied_where_everything_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "closed_to", lambda *_: set())
    found = copies.ensure(DataDirectory(tmp_path), SELF, "1")
    assert (found.python, found.root, found.folder) == (INSTALLED.python, ROOT, None)
    assert not (tmp_path / "program").exists()
