"""Debian's packages: installed by root, or unpacked beside the application by a user without root."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from gisapp.bootstrap.console import Step
from gisapp.bootstrap.layout import INSTALLED
from gisapp.bootstrap.trouble import ProgramFailed, SetupError

_QUIET = ("-q", "-y", "--no-install-recommends")
_ENV = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}


def available() -> bool:
    """Whether this machine has apt."""
    return shutil.which("apt-get") is not None and shutil.which("dpkg") is not None


def require(remedy: str) -> None:
    """Refuse where there is no apt.

    Args:
        remedy: what to do instead.

    Raises:
        SetupError: with the remedy.
    """
    if not available():
        raise SetupError("这台机器没有 apt，无法自动安装。", remedy=remedy)


def _environment() -> dict[str, str]:
    return {**os.environ, **_ENV}


def _private_options() -> list[str]:
    """Options that let apt work for a user: lists and archives of its own, no locks of the system."""
    home = INSTALLED.home / "apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::State::lists": str(home / "lists"),
        "Dir::Cache": str(home / "cache"),
        "Debug::NoLocking": "1",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "",
    }
    return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]


def candidates(pattern: str, private: bool) -> list[str]:
    """Names of installable packages that match a pattern, by the lists that apt has."""
    options = _private_options() if private else []
    found = subprocess.run(
        ["apt-cache", *options, "pkgnames"], capture_output=True, text=True, env=_environment(), check=False
    )
    names = [name for name in found.stdout.split() if re.fullmatch(pattern, name)]
    return [name for name in names if _has_candidate(name, options)]


def _has_candidate(name: str, options: list[str]) -> bool:
    policy = subprocess.run(
        ["apt-cache", *options, "policy", name],
        capture_output=True,
        text=True,
        env=_environment(),
        check=False,
    )
    return "Candidate:" in policy.stdout and "Candidate: (none)" not in policy.stdout


def refresh(step: Step, private: bool) -> str:
    """Bring the lists of packages up to date; what apt said, because it calls an unreachable mirror a warning."""
    options = _private_options() if private else []
    return step.run(["apt-get", *options, "-q", "update"], env=_environment(), check=False).stdout


def _run_refreshed(
    step: Step, first: list[str], private: bool, *, again: list[str] | None = None, cwd: Path | None = None
) -> None:
    """Run a command of apt; if it fails, once more with fresh lists, for old ones name what a mirror no longer has.

    Args:
        again: the command of the second try, when it differs.

    Raises:
        ProgramFailed: it failed again; explained by what both said.
    """
    if step.run(first, env=_environment(), cwd=cwd, check=False).returncode == 0:
        return
    told = refresh(step, private)
    done = step.run(again or first, env=_environment(), cwd=cwd, check=False)
    if done.returncode != 0:
        raise ProgramFailed(step.title, first, done.returncode, told + done.stdout, step.console.log)


def install(step: Step, packages: list[str]) -> None:
    """Install packages as root; repairs an installation that was interrupted.

    Raises:
        ProgramFailed: apt could not.
    """
    # Does nothing in an instant where nothing was interrupted.
    step.run(["dpkg", "--force-confold", "--configure", "-a"], env=_environment(), check=False)
    options = [*_QUIET, "-o", "DPkg::Lock::Timeout=180", "-o", "Dpkg::Options::=--force-confold", "install"]
    command = ["apt-get", *options, *packages]
    _run_refreshed(step, command, private=False, again=["apt-get", "-f", *options, *packages])


def unpack(step: Step, packages: list[str], target: Path, leave_out: str = r"(?!)") -> None:
    """Unpack packages, with whatever they need that the machine lacks, into a folder; needs no root.

    Args:
        packages: unpacked even when the system has them, since the folder shall be complete in itself.
        leave_out: pattern of the names of needed packages that are of no use without their set-up.

    Raises:
        ProgramFailed: apt or dpkg could not.
    """
    options = _private_options()
    archives = INSTALLED.home / "apt" / "cache" / "archives"
    command = ["apt-get", *options, *_QUIET, "--download-only", "--reinstall", "install", *packages]
    _run_refreshed(step, command, private=True)
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for archive in sorted(archives.glob("*.deb")):
        if not re.match(leave_out, archive.name):
            step.run(["dpkg-deb", "-x", archive, fresh])
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    shutil.rmtree(archives.parent, ignore_errors=True)


def download(step: Step, package: str, target: Path) -> None:
    """Unpack one package alone, without what it depends on."""
    options = _private_options()
    folder = INSTALLED.home / "apt" / "one"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = ["apt-get", *options, "-q", "download", package]
    _run_refreshed(step, command, private=True, cwd=folder)
    target.mkdir(parents=True, exist_ok=True)
    for archive in folder.glob("*.deb"):
        step.run(["dpkg-deb", "-x", archive, target])
    shutil.rmtree(folder)


def library_path(prefix: Path) -> str:
    """Value of ``LD_LIBRARY_PATH`` for programs unpacked under a folder."""
    places = [prefix / "usr/lib", prefix / "lib"]
    triplets = [folder for place in places for folder in place.glob("*-linux-gnu*") if folder.is_dir()]
    inner = [
        folder
        for triplet in triplets
        for name in ("blas", "lapack", "pulseaudio")
        if (folder := triplet / name).is_dir()
    ]
    known = [str(folder) for folder in (*triplets, *inner, *places)]
    return ":".join([*known, *filter(None, [os.environ.get("LD_LIBRARY_PATH", "")])])
