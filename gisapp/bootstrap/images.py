"""What building and running the container images in a test needs, on a machine without a container daemon."""

from __future__ import annotations

import shutil
from pathlib import Path

from gisapp.bootstrap import apt
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.layout import IS_ROOT
from gisapp.bootstrap.trouble import SetupError, require_space

_RELEASE = "bookworm"
_PACKAGES = {
    "buildah": "buildah",
    "runc": "runc",
    "mmdebstrap": "mmdebstrap",
    "docker-compose": "docker-compose",
    "ip": "iproute2",
    "setpriv": "util-linux",
}
"""Package of each program."""
SKIP = "ONEMAP_TEST_IMAGES_SKIP"
"""Environment variable that tells the tests why they cannot run here."""


def ensure_image_tools(console: Console) -> dict[str, str]:
    """Install the programs that the part needs.

    Returns:
        Environment for the tests: why they are skipped, where this machine cannot run them.

    Raises:
        SetupError: the programs could not be installed.
    """
    why = _obstacle()
    if why:
        console.line(f"不测试容器镜像：{why}")
        return {SKIP: why}
    missing = [package for program, package in _PACKAGES.items() if shutil.which(program) is None]
    require_space(Path("/var/cache"), 8000, "构建容器镜像")
    if missing:
        with console.step("安装构建容器镜像的工具") as step:
            apt.install(step, missing)
    with console.step("更新软件包清单") as step:
        apt.refresh(step, private=False)
    return {}


def _obstacle() -> str:
    """Why the images cannot be built here; empty if nothing is in the way."""
    if not IS_ROOT:
        return "需要 root（构建镜像要挂载文件系统、建立网络空间）。请用 root 运行 ./onemap test images。"
    if not apt.available() or f"VERSION_CODENAME={_RELEASE}" not in _system():
        return "只能在 Debian 12 上构建，因为基础镜像的替身取自它的软件源。"
    return ""


def _system() -> str:
    try:
        return Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError as error:
        raise SetupError("读不到 /etc/os-release。", remedy="请检查系统是否完整。") from error
