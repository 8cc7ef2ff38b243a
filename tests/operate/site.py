"""A site that installs and updates the program from a repository, as the page says; all of it in a temporary folder."""

from __future__ import annotations

import math
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gisapp.bootstrap import databases
from gisapp.bootstrap.cluster import ADMIN_ROLE, Cluster
from gisapp.bootstrap.layout import INSTALLED, DataDirectory
from gisapp.bootstrap.testing import own_environment
from gisapp.services.accounts import DEMO_PASSWORD
from tests.page import ROOT

_VERSIONS = "gisapp/store/migrations/versions"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def git(*words: str | Path, env: dict[str, str] | None = None) -> str:
    """Run git; what it answers."""
    done = subprocess.run(
        ["git", *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **(env or {})},
    )
    return done.stdout.strip()


def older_commit() -> str | None:
    """The last commit of the main line whose program had no schema version from 0005 on; None where history is cut off."""
    for commit in git("-C", ROOT, "rev-list", "--first-parent", "HEAD").split():
        listed = git("-C", ROOT, "ls-tree", "--name-only", commit, f"{_VERSIONS}/").splitlines()
        if listed and not any(name >= f"{_VERSIONS}/v0005" for name in listed if "/v0" in name):
            return commit
    return None


@dataclass(frozen=True, slots=True)
class Site:
    """A folder for one site.

    Attributes:
        folder: holds everything.
        env: environment of every command, with the names that the page uses.
        older: whether its repository begins with an older program.
    """

    folder: Path
    env: dict[str, str]
    older: bool

    @property
    def program(self) -> Path:
        """The checkout that the page's first block makes."""
        return self.folder / "onemap"

    @property
    def data(self) -> Path:
        return Path(self.env["ONEMAP_DATA"])

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.env['ONEMAP_PORT']}"

    def run(self, text: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a block of the page by a shell, in the checkout once there is one.

        Args:
            check: fail when the block does.
        """
        where = self.program if self.program.exists() else self.folder
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=where,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done

    def cluster(self, data: Path | None = None) -> Cluster:
        return databases.private_cluster(DataDirectory((data or self.data).resolve()))

    def database(self, data: Path | None = None, name: str = "onemap") -> str:
        """Address of the private database for the role that owns the tables."""
        return self.cluster(data).address(ADMIN_ROLE, name)

    def publish(self) -> None:
        """Let the repository go on to the program that is tested."""
        git("--git-dir", self.env["SOURCE"], "update-ref", "refs/heads/main", "refs/heads/tested")


def _repository(folder: Path) -> bool:
    """Make the repository that the site installs from; whether it begins with an older program."""
    git("init", "--quiet", "--bare", "--initial-branch=main", folder)
    # What stands in the work tree is tested, committed or not.
    index = {"GIT_INDEX_FILE": str(folder / "work-tree.index")}
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
           for what, value in (("NAME", "test"), ("EMAIL", "test@localhost"))}  # fmt: skip
    git("--git-dir", folder, "fetch", "--quiet", ROOT, "HEAD:refs/heads/history")
    git("--git-dir", folder, "--work-tree", ROOT, "add", "--all", ROOT, env=index)
    tree = git("--git-dir", folder, "write-tree", env=index)
    older = older_commit()
    parent = older or git("--git-dir", folder, "rev-parse", "refs/heads/history")
    tested = git("--git-dir", folder, "commit-tree", tree, "-p", parent, "-m", "As tested", env=who)
    git("--git-dir", folder, "update-ref", "refs/heads/tested", tested)
    git("--git-dir", folder, "update-ref", "refs/heads/main", older or tested)
    return older is not None


@contextmanager
def site() -> Iterator[Site]:
    """A site; whatever runs in it is stopped, and everything of it removed."""
    folder = Path(tempfile.mkdtemp(prefix="onemap-site-"))
    folder.chmod(0o755)  # the cluster's and the server's system users have to pass
    places = {name: folder / name.lower() for name in ("BACKUPS", "KEYS", "REHEARSAL", "ONEMAP_DATA")}
    for name in ("BACKUPS", "KEYS"):
        places[name].mkdir(mode=0o700)
    env = own_environment() | {name: str(path) for name, path in places.items()}
    env.pop("PYTHONPATH", None)
    env |= {
        "SOURCE": str(folder / "source.git"),
        "ONEMAP_PORT": str(free_port()),
        "REHEARSAL_PORT": str(free_port()),
    }
    if (INSTALLED.home / "cache").is_dir():
        env.setdefault("UV_CACHE_DIR", str(INSTALLED.home / "cache"))
    found = Site(folder, env, _repository(folder / "source.git"))
    try:
        yield found
    finally:
        for data in (found.data, places["REHEARSAL"]):
            if found.program.exists() and data.exists():
                found.run(f"./onemap down --data {data}", check=False)
                shutil.rmtree(found.cluster(data).socket_folder(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def visit(url: str) -> int:
    """Sign in, look at the list of cases and at a tile of the map; the number of cases."""
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        assert client.get("/readyz").status_code == 200
        signed = client.post("/api/v1/session", json={"login": "manager", "password": DEMO_PASSWORD})
        assert signed.status_code == 200, signed.text
        listed = client.get("/api/v1/events", params={"limit": 1})
        assert listed.status_code == 200, listed.text
        cases = listed.json()
        assert cases["total"] > 0
        tile = client.get(f"/tiles/components/{tile_of(cases['items'][0])}.mvt")
        assert tile.status_code == 200 and len(tile.content) > 0
        return int(cases["total"])


def tile_of(case: dict[str, Any], zoom: int = 14) -> str:
    """The tile in which a case lies, as addresses name it."""
    x = (case["lon"] + 180) / 360
    y = (1 - math.asinh(math.tan(math.radians(case["lat"]))) / math.pi) / 2
    return f"{zoom}/{int(x * 2**zoom)}/{int(y * 2**zoom)}"
