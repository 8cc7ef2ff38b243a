"""The compose file carried out once for all tests of the part, from images that are built for it."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gisapp.bootstrap.images import SKIP
from gisapp.bootstrap.testing import own_environment
from gisapp.bootstrap.toolchain import _uv_environment
from tests.images import bases
from tests.images.engine import STORAGE
from tests.page import ROOT

_IN_THE_IMAGES = ("docker", "gisapp", "layers", "dash_app", "data", "requirements")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine without a container daemon, with a checkout on it.

    Attributes:
        folder: holds the checkout and everything that the containers keep.
        env: environment of the page's commands.
    """

    folder: Path
    env: dict[str, str]

    @property
    def state(self) -> Path:
        """What the containers keep."""
        return Path(self.env["ONEMAP_IMAGES_STATE"])

    def run(self, text: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a block of the page in the checkout.

        Args:
            check: fail when the block does.
        """
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder / "onemap",
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done


def _copy_program(target: Path) -> None:
    """What git would give: the tracked files that the images are built from, and none of this machine's."""
    for name in _IN_THE_IMAGES:
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__", ".env"))
    for name in (".dockerignore", ".npmrc", "package.json", "package-lock.json"):
        shutil.copy2(ROOT / name, target / name)


@pytest.fixture(scope="package")
def machine() -> Iterator[Machine]:
    """Images of everything, made on stand-ins for the base images; nothing of it is left but those."""
    if why := os.environ.get(SKIP):
        pytest.skip(why)
    STORAGE.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="onemap-images-"))
    with (STORAGE / "lock").open("w") as lock:
        # The names of the images are those of the compose file: one run at a time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in Path(tempfile.gettempdir()).glob("onemap-images-*"):
            if left != folder:  # of a run that was killed: nobody else holds the lock
                _clean(left)
        try:
            bases.remove_built()
            bases.ensure()
            yield _prepared(folder)
        finally:
            _clean(folder)


def _prepared(folder: Path) -> Machine:
    tools, state, backups = folder / "bin", folder / f"om{os.getpid()}", folder / "backups"
    for place in (tools, state, backups, folder / "onemap"):
        place.mkdir()
    _copy_program(folder / "onemap")
    program = tools / "docker-compose"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P -m tests.images.composing "$@"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    env = own_environment() | {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "ONEMAP_IMAGES_STATE": str(state),
        "BACKUPS": str(backups),
        # a quarter of a gigabyte is plenty for a street
        "ONEMAP_SHARED_BUFFERS": "128MB",
    }
    # This machine's own index and registry, where it names any.
    uv = _uv_environment()
    if uv.get("UV_DEFAULT_INDEX"):
        env |= {"UV_DEFAULT_INDEX": uv["UV_DEFAULT_INDEX"], "PIP_INDEX_URL": uv["UV_DEFAULT_INDEX"]}
    registry = subprocess.run(
        ["npm", "config", "get", "registry"], capture_output=True, text=True, check=False
    )
    if registry.returncode == 0 and registry.stdout.startswith("http"):
        env["NPM_CONFIG_REGISTRY"] = registry.stdout.strip()
    return Machine(folder, env)


def _clean(folder: Path) -> None:
    """End every container of this run and remove what was built."""
    for state in folder.glob("om*"):
        told = subprocess.run(["runc", "list", "-q"], capture_output=True, text=True, check=False).stdout
        for name in told.split():
            if name.startswith(f"{state.name}-"):
                subprocess.run(["runc", "delete", "--force", name], capture_output=True, check=False)
        for space in Path("/run/netns").glob(f"{state.name}-*"):
            subprocess.run(["ip", "netns", "del", space.name], check=False)
    bases.remove_built()
    shutil.rmtree(folder, ignore_errors=True)
