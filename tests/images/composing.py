"""A stand-in for ``docker-compose`` that needs no daemon, for the blocks of ``docs/operate.md`` to run as they stand.

The real ``docker-compose config`` reads the compose file, so that its syntax and its variables are checked by the real
program; what it gives is then carried out with buildah and runc. Only what the page uses is there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .engine import (
    Container,
    Failed,
    Networks,
    buildah,
    image_config,
    images,
    run,
    specification,
    user_numbers,
)

REAL = "/usr/bin/docker-compose"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SECONDS = 120


def seconds_of(text: str) -> float:
    """Length of a time as compose files write it: ``5s``, ``1m30s``."""
    units = {"h": 3600, "m": 60, "s": 1}
    total, number = 0.0, ""
    for character in str(text):
        if character in units:
            total += float(number) * units[character]
            number = ""
        else:
            number += character
    return total


def shared_memory(text: Any) -> int:
    """Bytes of shared memory of a service; Docker gives 64 MB unless told otherwise."""
    units = {"k": 2**10, "m": 2**20, "g": 2**30}
    value = str(text or "64m").lower().removesuffix("b")
    return int(value[:-1]) * units[value[-1]] if value[-1] in units else int(value)


@dataclass(slots=True)
class Project:
    """One compose file, carried out.

    Attributes:
        state: folder for volumes, bundles and logs.
        file: what ``docker-compose config`` made of the compose file.
    """

    state: Path
    file: dict[str, Any]

    @property
    def services(self) -> dict[str, Any]:
        return dict(self.file["services"])

    @property
    def networks(self) -> Networks:
        return Networks(self.state.name[:20], tuple(sorted(self.file["networks"])))

    def number(self, service: str) -> int:
        """Number of a service, for its addresses."""
        return sorted(self.services).index(service)

    def address(self, service: str) -> str:
        """Address of a service in the first network that it is in."""
        return self.networks.address(sorted(self.services[service]["networks"])[0], self.number(service))

    def container(self, service: str, suffix: str = "") -> Container:
        """The container of a service, its folder made."""
        folder = self.state / f"{service}{suffix}"
        folder.mkdir(exist_ok=True)
        return Container(f"{self.state.name}-{service}{suffix}", folder)

    # --- images ------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Build the image of every service that says how."""
        for name, service in self.services.items():
            if build := service.get("build"):
                print(f"Building {name}", file=sys.stderr)
                arguments = [
                    word for key, value in (build.get("args") or {}).items() if value is not None
                    for word in ("--build-arg", f"{key}={value}")
                ]  # fmt: skip
                context = Path(build["context"])
                recipe = context / build.get("dockerfile", "Dockerfile")
                # Docker's own format: the other one has no place for HEALTHCHECK.
                options = ["--format", "docker", "--pull-never", "--network", "host", "--quiet", *arguments]
                buildah("bud", *options, "-f", recipe, "-t", service["image"], context)

    def image(self, service: str) -> str:
        """Name of the image of a service, as the storage has it."""
        name = self.services[service]["image"]
        for full in (name, f"localhost/{name}", f"docker.io/library/{name}"):
            if full in images():
                return full
        raise Failed(f"no image {name}")

    # --- containers --------------------------------------------------------------------------------------------

    def _mounts(self, service: str, root: Path, hosts: Path) -> list[dict[str, Any]]:
        said = self.services[service]
        mounts = []
        for text in said.get("volumes", ()):
            source, target, *how = text.split(":")
            if not source.startswith("/"):
                source = str(self._volume(source, root / target.lstrip("/")))
            mode = "ro" if how == ["ro"] else "rw"
            mounts.append(
                {"destination": target, "type": "bind", "source": source, "options": ["rbind", mode]}
            )
        for target in said.get("tmpfs", ()):
            options = ["nosuid", "nodev", "noexec", "mode=1777"]
            mounts.append({"destination": target, "type": "tmpfs", "source": "tmpfs", "options": options})
        bound = {"type": "bind", "source": str(hosts), "options": ["rbind", "ro"]}
        return [*mounts, {"destination": "/etc/hosts", **bound}]

    def _volume(self, name: str, place: Path) -> Path:
        """Folder of a named volume; a new one begins as what the image has at that place, its owner included."""
        folder = self.state / "volumes" / name
        if not folder.exists():
            folder.parent.mkdir(exist_ok=True)
            if place.is_dir():
                run("cp", "-a", place, folder)
            else:
                folder.mkdir()
        return folder

    def _hosts(self, service: str, folder: Path) -> Path:
        """Names of the services that share a network with this one."""
        own = set(self.services[service]["networks"])
        lines = ["127.0.0.1 localhost"]
        for other, said in self.services.items():
            for network in sorted(own & set(said["networks"]))[:1]:
                lines.append(f"{self.networks.address(network, self.number(other))} {other}")
        path = folder / "hosts"
        path.write_text("\n".join(lines) + "\n")
        return path

    def start(
        self, service: str, words: list[str] | None = None, *, suffix: str = "", wait: bool = False
    ) -> int:
        """Start the container of a service.

        Args:
            words: instead of the service's command.
            suffix: of a container beside the service's own.
            wait: run it in the foreground.
        """
        said, box = self.services[service], self.container(service, suffix)
        image = self.image(service)
        config = image_config(image)
        own = buildah("from", "--pull-never", image)
        root = Path(buildah("mount", own))
        (box.folder / "buildah").write_text(own)
        environment = {"PATH": _PATH} | dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
        environment |= {key: str(value) for key, value in (said.get("environment") or {}).items()}
        number = self.number(service) + (100 if suffix else 0)
        space = self.networks.join(f"{service}{suffix}", number, list(said["networks"]))
        spec = specification(
            root=root,
            words=[
                *(config.get("Entrypoint") or ()),
                *(words or said.get("command") or config.get("Cmd") or ()),
            ],
            env=[f"{key}={value}" for key, value in environment.items()],
            folder=config.get("WorkingDir") or "/",
            user=user_numbers(root, said.get("user") or config.get("User") or ""),
            read_only=bool(said.get("read_only")),
            drop_all="ALL" in said.get("cap_drop", ()),
            no_new_privileges="no-new-privileges:true" in said.get("security_opt", ()),
            mounts=self._mounts(service, root, self._hosts(service, box.folder)),
            shared_memory=shared_memory(said.get("shm_size")),
            space=space,
            name=service,
        )
        return box.start(spec, wait=wait)

    def remove(self, service: str, suffix: str = "") -> bool:
        """Stop and remove a container; whether it ended by itself when asked."""
        box = self.container(service, suffix)
        note = box.folder / "buildah"
        clean = box.stop()
        if note.exists():
            buildah("rm", note.read_text())
            note.unlink()
            run("ip", "netns", "del", f"{self.networks.prefix}-{service}{suffix}")
        return clean

    # --- what the page asks for ---------------------------------------------------------------------------------

    def up(self) -> None:
        """Start what does not run, each service after those that it depends on."""
        self.networks.make()
        begun: set[str] = set()
        once = {
            other
            for said in self.services.values()
            for other, how in (said.get("depends_on") or {}).items()
            if how["condition"] == "service_completed_successfully"
        }
        while waiting := [name for name in self.services if name not in begun]:
            ready = [n for n in waiting if set(self.services[n].get("depends_on") or ()) <= begun]
            if not ready:
                raise Failed(f"{waiting} depend on one another")
            for name in ready:
                for other, how in (self.services[name].get("depends_on") or {}).items():
                    if other not in once:
                        self._wait(other, how["condition"])
                if not self.container(name).running():
                    self.remove(name)
                    print(f"Starting {name}", file=sys.stderr)
                    if self.start(name, wait=name in once) and name in once:
                        raise Failed(f"{name} did not complete successfully")
                begun.add(name)

    def _wait(self, service: str, condition: str) -> None:
        box, deadline = self.container(service), time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            if not box.running():
                break
            if condition == "service_started" or self.healthy(service):
                return
            time.sleep(0.2)
        raise Failed(f"{service}: not {condition}\n{box.log.read_text(errors='replace')[-3000:]}")

    def healthy(self, service: str) -> bool:
        """Run the health check of a service as it stands, in its container."""
        said = self.services[service].get("healthcheck") or {}
        config = image_config(self.image(service)).get("Healthcheck") or {}
        test = said.get("test") or config.get("Test")
        if not test or said.get("disable"):
            raise Failed(f"{service} has no health check to wait for")
        words = ["sh", "-c", test[1]] if test[0] == "CMD-SHELL" else list(test[1:])
        timeout = seconds_of(said["timeout"]) if "timeout" in said else config.get("Timeout", 30e9) / 1e9
        try:
            done = self.container(service).execute(words, capture_output=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def down(self, *, volumes: bool) -> None:
        """Remove containers and networks, and the volumes where asked."""
        for name in self.services:
            self.remove(name)
        self.networks.remove()
        if volumes:
            shutil.rmtree(self.state / "volumes", ignore_errors=True)


def _project(options: argparse.Namespace) -> Project:
    given = [word for name in ("env_file", "file") if getattr(options, name)
             for word in (f"--{name.replace('_', '-')}", getattr(options, name))]  # fmt: skip
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    text = run(REAL, *given, "config", env=env)
    return Project(Path(os.environ["ONEMAP_IMAGES_STATE"]), yaml.safe_load(text))


def main(arguments: list[str]) -> int:
    """Carry out one call of ``docker-compose``."""
    parser = argparse.ArgumentParser(prog="docker-compose")
    parser.add_argument("--env-file")
    parser.add_argument("-f", "--file")
    parser.add_argument("command")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    project, rest = _project(options), list(options.rest)
    (project.state / "project.json").write_text(json.dumps(project.file))
    if options.command == "up":
        assert rest[:1] == ["-d"], rest
        if "--build" in rest:
            project.build()
        project.up()
    elif options.command == "run":
        assert rest[0] == "--rm", rest
        try:
            return project.start(rest[1], rest[2:], suffix="-once", wait=True)
        finally:
            project.remove(rest[1], "-once")
    elif options.command == "exec":
        assert rest[0] == "-T", rest
        return project.container(rest[1]).execute(rest[2:]).returncode
    elif options.command == "stop":
        for name in rest:
            project.remove(name)
    elif options.command == "down":
        project.down(volumes="--volumes" in rest)
    else:
        raise Failed(f"the stand-in does not know {options.command}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failed as error:
        print(error, file=sys.stderr)
        sys.exit(1)
