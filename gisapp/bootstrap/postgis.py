"""Programs of PostgreSQL with PostGIS: those of the machine, else Debian's packages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gisapp.bootstrap import apt
from gisapp.bootstrap.console import Console, Step
from gisapp.bootstrap.layout import INSTALLED, IS_ROOT, write_whole
from gisapp.bootstrap.trouble import SetupError, explain, require_space

OLDEST = 15
_PACKAGE = r"postgresql-(\d+)-postgis-3"
# Of what Debian's packages depend on, these serve their installation or the compiler of expressions (which the
# cluster leaves off): a third of the bytes, and nothing that a private cluster runs.
_NOT_UNPACKED = (
    r"(libllvm|libz3|perl|libperl|postgresql-common|postgresql-client-common|ssl-cert|adduser|init-system)"
)


@dataclass(frozen=True, slots=True)
class Programs:
    """PostgreSQL's programs of one major version.

    Attributes:
        folder: where ``initdb``, ``pg_ctl`` and ``postgres`` are.
        version: major version.
        prefix: folder that holds an unpacked system, or None for the machine's own.
    """

    folder: Path
    version: int
    prefix: Path | None = None

    def environment(self) -> dict[str, str]:
        """Environment that these programs need."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        env["LC_ALL"] = "C.UTF-8"
        if self.prefix is not None:
            env["LD_LIBRARY_PATH"] = apt.library_path(self.prefix)
            env["PROJ_DATA"] = env["PROJ_LIB"] = str(self.prefix / "usr/share/proj")
            env["GDAL_DATA"] = str(self.prefix / "usr/share/gdal")
        return env


def _version(folder: Path) -> int:
    match = re.search(r"/postgresql/(\d+)/bin$", str(folder))
    if match:
        return int(match[1])
    try:
        told = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return 0
    match = re.search(r"\) (\d+)", told)
    return int(match[1]) if match else 0


def _shared(folder: Path, version: int) -> list[Path]:
    """Places where the extensions of the programs in a folder may be."""
    places = [folder.parents[3] / "share/postgresql" / str(version)] if len(folder.parents) > 3 else []
    return [*places, folder.parent / "share", folder.parent / "share/postgresql"]


def has_postgis(folder: Path, version: int) -> bool:
    """Whether PostGIS is installed, whole, for the programs in a folder."""
    libraries = (folder.parent / "lib", folder.parent / "lib/postgresql")
    if not any((library / "postgis-3.so").exists() for library in libraries):
        return False
    return any((share / "extension/postgis.control").exists() for share in _shared(folder, version))


def found(prefix: Path | None = None) -> list[Programs]:
    """Programs with PostGIS, new enough, the newest first."""
    folders = [*(prefix or Path("/")).glob("usr/lib/postgresql/*/bin")]
    if prefix is None:
        folders += [*Path("/").glob("usr/pgsql-*/bin"), Path("/usr/local/pgsql/bin")]
        if tool := shutil.which("pg_ctl"):
            folders.append(Path(tool).resolve().parent)
    usable = []
    for folder in dict.fromkeys(folders):
        if not (folder / "initdb").exists() or not (folder / "postgres").exists():
            continue
        version = _version(folder)
        if version >= OLDEST and has_postgis(folder, version):
            usable.append(Programs(folder, version, prefix))
    return sorted(usable, key=lambda programs: -programs.version)


def choose(version: int | None) -> Programs | None:
    """Programs that are there already.

    Args:
        version: major version of a cluster that exists; None for a new one.
    """
    for programs in (*found(), *found(INSTALLED.debian)):
        if version is None or programs.version == version:
            return programs
    return None


def ensure_programs(console: Console, version: int | None = None) -> Programs:
    """Programs for a cluster, installed when the machine has none.

    Args:
        version: major version that the cluster needs; None for a new cluster.

    Raises:
        SetupError: there is no way to have them here.
    """
    programs = choose(version)
    if programs is not None:
        return programs
    apt.require(
        "请自行安装 PostgreSQL 15 以上与 PostGIS 3.3 以上后再运行，或设置 DATABASE_URL 使用已有的 PostGIS 服务器。"
    )
    require_space(Path("/usr") if IS_ROOT else INSTALLED.home, 900, "安装 PostGIS")
    with console.step("安装 PostgreSQL 与 PostGIS") as step:
        if IS_ROOT:
            _install(step, version)
        else:
            _unpack(step, version)
        programs = choose(version)
        if programs is None:
            raise SetupError(
                "PostGIS 装好了，却找不到它的程序。", remedy="请运行 ./onemap doctor 并查看安装日志。"
            )
        step.note = f"PostgreSQL {programs.version}"
    return programs


def _package(step: Step, version: int | None, private: bool) -> str:
    """Name of PostGIS's package for a version, or for the newest that the lists have.

    Raises:
        SetupError: the lists have none.
    """
    told = ""
    for attempt in (1, 2):
        names = {
            int(m[1]): m[0] for n in apt.candidates(_PACKAGE, private) if (m := re.fullmatch(_PACKAGE, n))
        }
        usable = [v for v in names if v >= OLDEST and version in (None, v)]
        if usable:
            return names[max(usable)]
        if attempt == 1:
            told = apt.refresh(step, private)
    wanted = f"PostgreSQL {version}" if version else f"PostgreSQL {OLDEST} 以上"
    cause, remedy = explain(told)
    raise SetupError(
        cause or f"系统的软件源里没有适用于 {wanted} 的 PostGIS。",
        remedy=(remedy or "请在 /etc/apt 里配置 Debian 12 以上的软件源。")
        + "也可以设置 DATABASE_URL 使用已有的 PostGIS 服务器。",
    )


def _install(step: Step, version: int | None) -> None:
    package = _package(step, version, private=False)
    # Debian would otherwise create and start a cluster of its own on port 5432.
    settings = Path("/etc/postgresql-common/createcluster.conf")
    if not settings.exists():
        settings.parent.mkdir(parents=True, exist_ok=True)
        write_whole(
            settings,
            "# written by onemap before the packages: it keeps a cluster of its own\ncreate_main_cluster = false\n",
        )
    apt.install(step, [package])


def _unpack(step: Step, version: int | None) -> None:
    package = _package(step, version, private=True)
    server = package.removesuffix("-postgis-3")
    client = server.replace("postgresql-", "postgresql-client-")
    apt.unpack(
        step, [server, client, package, f"{package}-scripts", "libpq5"], INSTALLED.debian, _NOT_UNPACKED
    )
    for extension in INSTALLED.debian.glob("usr/share/postgresql/*/extension"):
        # Debian makes these names at installation by its system of alternatives.
        for control in extension.glob("*-3.control"):
            plain = control.with_name(control.name.replace("-3.control", ".control"))
            if not plain.exists():
                plain.symlink_to(control.name)
