"""Images and containers without a daemon: buildah builds, runc runs, ``ip`` lays the networks.

What a container may do is what the compose file says: its user, a root that may be read-only, capabilities, volumes,
and the networks that it is in, which are real ones in network namespaces of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STORAGE = Path("/var/cache/onemap/images")
"""Of the machine: the stand-ins for base images stay here from one run to the next, everything else is removed."""

_CAPABILITIES = (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL "
    "AUDIT_WRITE"
)


class Failed(Exception):
    """A program ended with an error; the text holds what it said."""


def run(*words: str | Path, **options: Any) -> str:
    """Run a program; what it wrote to standard output.

    Raises:
        Failed: it ended with an error.
    """
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, **options
    )
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, words))}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}")
    return done.stdout.strip()


def buildah(*words: str | Path) -> str:
    """Run buildah on the storage of the part."""
    env = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
    places = ["--root", STORAGE / "storage", "--runroot", STORAGE / "run", "--storage-driver", driver()]
    return run("buildah", *places, *words, env=env)


def driver() -> str:
    """``overlay`` where the machine can mount it, else ``vfs``, which copies every layer whole."""
    STORAGE.mkdir(parents=True, exist_ok=True)
    note = STORAGE / "driver"
    if not note.exists():
        probe = STORAGE / "probe"
        for name in ("lower", "upper", "work", "merged"):
            (probe / name).mkdir(parents=True, exist_ok=True)
        options = f"lowerdir={probe}/lower,upperdir={probe}/upper,workdir={probe}/work"
        command = ["mount", "-t", "overlay", "overlay", "-o", options, f"{probe}/merged"]
        works = subprocess.run(command, capture_output=True, check=False).returncode == 0
        if works:
            subprocess.run(["umount", f"{probe}/merged"], check=True)
        note.write_text("overlay" if works else "vfs")
    return note.read_text()


def image_config(image: str) -> dict[str, Any]:
    """What an image says of how it is run."""
    told = json.loads(buildah("inspect", "--type", "image", image))
    config: dict[str, Any] = told["Docker"]["config"]
    return config


def images() -> dict[str, str]:
    """Identity of each image by its name and tag."""
    listed = json.loads(buildah("images", "--json") or "null") or []
    return {name: image["id"] for image in listed for name in image.get("names") or ()}


# --- networks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks of a compose file: bridges in a namespace that stands for the machine.

    Attributes:
        prefix: beginning of the names of all namespaces.
        names: of the networks, in order.
    """

    prefix: str
    names: tuple[str, ...]

    @property
    def machine(self) -> str:
        """Namespace that holds the bridges; a visitor of published ports stands in it."""
        return f"{self.prefix}-machine"

    def make(self) -> None:
        """Lay the bridges, unless they are there."""
        if Path("/run/netns", self.machine).exists():
            return
        run("ip", "netns", "add", self.machine)
        for number, name in enumerate(self.names):
            run("ip", "-n", self.machine, "link", "add", name[:15], "type", "bridge")
            run("ip", "-n", self.machine, "addr", "add", f"10.89.{number}.1/24", "dev", name[:15])
            run("ip", "-n", self.machine, "link", "set", name[:15], "up")

    def join(self, container: str, number: int, networks: list[str]) -> str:
        """Make a namespace for a container and connect it; its name.

        Args:
            number: of the container, for its addresses.
        """
        space = f"{self.prefix}-{container}"
        run("ip", "netns", "add", space)
        run("ip", "-n", space, "link", "set", "lo", "up")
        for index, name in enumerate(self.names):
            if name not in networks:
                continue
            inner, outer = f"eth{index}", f"c{number}n{index}"
            run(
                "ip",
                "link",
                "add",
                inner,
                "netns",
                space,
                "type",
                "veth",
                "peer",
                "name",
                outer,
                "netns",
                self.machine,
            )
            run("ip", "-n", self.machine, "link", "set", outer, "master", name[:15], "up")
            run("ip", "-n", space, "addr", "add", f"{self.address(name, number)}/24", "dev", inner)
            run("ip", "-n", space, "link", "set", inner, "up")
        return space

    def address(self, network: str, number: int) -> str:
        """Address of a container in a network."""
        return f"10.89.{self.names.index(network)}.{10 + number}"

    def remove(self) -> None:
        """Remove all namespaces of this prefix, and with them what connects them."""
        for path in Path("/run/netns").glob(f"{self.prefix}-*"):
            subprocess.run(["ip", "netns", "del", path.name], check=False)


# --- containers -----------------------------------------------------------------------------------------------------


def user_numbers(root: Path, user: str) -> tuple[int, int]:
    """Number of a user and of its group, by the files of an image."""
    if not user or user == "root":
        return 0, 0
    for line in (root / "etc/passwd").read_text().splitlines():
        fields = line.split(":")
        if user in (fields[0], fields[2]):
            return int(fields[2]), int(fields[3])
    raise Failed(f"the image has no user {user}")


@dataclass(frozen=True, slots=True)
class Container:
    """One container of runc.

    Attributes:
        name: its name, unique on the machine.
        folder: holds its bundle and its log.
    """

    name: str
    folder: Path

    @property
    def log(self) -> Path:
        """What it wrote."""
        return self.folder / "log"

    def running(self) -> bool:
        """Whether its first process lives."""
        asked = subprocess.run(["runc", "state", self.name], capture_output=True, text=True, check=False)
        return asked.returncode == 0 and json.loads(asked.stdout)["status"] == "running"

    def start(self, spec: dict[str, Any], *, wait: bool) -> int:
        """Run it; its exit status where it is waited for.

        Args:
            wait: in the foreground, with our standard input and output.
        """
        (self.folder / "config.json").write_text(json.dumps(spec))
        command = ["runc", "run", "--bundle", str(self.folder)]
        if wait:
            return subprocess.run([*command, self.name], check=False).returncode
        with self.log.open("ab") as log:
            command += ["--detach", "--pid-file", str(self.folder / "pid"), self.name]
            return subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, close_fds=True
            ).returncode

    def execute(self, words: list[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        """Run a program in it, with our standard input and output unless told otherwise."""
        return subprocess.run(["runc", "exec", self.name, *words], check=False, **options)

    def stop(self, sign: str = "TERM", seconds: float = 10) -> bool:
        """End it; whether it ended by itself within the time."""
        subprocess.run(["runc", "kill", self.name, sign], capture_output=True, check=False)
        deadline = time.monotonic() + seconds
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.05)
        clean = not self.running()
        subprocess.run(["runc", "delete", "--force", self.name], capture_output=True, check=False)
        return clean


def specification(
    *,
    root: Path,
    words: list[str],
    env: list[str],
    folder: str,
    user: tuple[int, int],
    read_only: bool,
    drop_all: bool,
    no_new_privileges: bool,
    mounts: list[dict[str, Any]],
    shared_memory: int,
    space: str,
    name: str,
) -> dict[str, Any]:
    """The OCI description of a container, with what Docker would give it unless the compose file says otherwise."""
    granted = [] if drop_all else [f"CAP_{word}" for word in _CAPABILITIES.split()]
    active = granted if user[0] == 0 else []
    kernel = [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
        {
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "mode=755", "size=65536k"],
        },
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        },
        {
            "destination": "/dev/shm",
            "type": "tmpfs",
            "source": "shm",
            "options": ["nosuid", "noexec", "nodev", "mode=1777", f"size={shared_memory}"],
        },
    ]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": user[0], "gid": user[1]},
            "args": words,
            "env": env,
            "cwd": folder or "/",
            "capabilities": {"bounding": granted, "effective": active, "permitted": active},
            "noNewPrivileges": no_new_privileges,
        },
        "root": {"path": str(root), "readonly": read_only},
        "hostname": name,
        "mounts": kernel + mounts,
        "linux": {
            "namespaces": [
                *({"type": kind} for kind in ("pid", "ipc", "uts", "mount")),
                {"type": "network", "path": f"/run/netns/{space}"},
            ],
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }
