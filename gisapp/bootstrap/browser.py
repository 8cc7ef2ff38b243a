"""What browser tests need: chromium, Chinese fonts, and a Playwright whose driver starts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from gisapp.bootstrap import apt
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.layout import INSTALLED, IS_ROOT, write_whole

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FONT = "usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
# Playwright's own node needs it, and a minimal Debian has it not.
_DRIVER_LIBRARY = "libatomic1"


def _machine_browser() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def _driver() -> Path | None:
    """The node that Playwright brings."""
    return next(iter(INSTALLED.venv.glob("lib/python*/site-packages/playwright/driver/node")), None)


def _starts(program: Path) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def ensure_browser(console: Console) -> dict[str, str]:
    """Have a browser that tests can drive: the machine's, Debian's by apt, or Debian's unpacked for a user.

    Returns:
        environment that tells tests and Playwright where it is.

    Raises:
        SetupError: there is no way to have it here.
    """
    return _install(console) if IS_ROOT else _unpack(console)


def _install(console: Console) -> dict[str, str]:
    driver = _driver()
    missing = [] if _machine_browser() else ["chromium"]
    missing += [] if Path("/", _FONT).exists() else ["fonts-noto-cjk"]
    missing += [_DRIVER_LIBRARY] if driver and not _starts(driver) else []
    if missing:
        apt.require("浏览器测试需要 chromium 和中文字体 Noto Sans CJK，请自行安装后再运行。")
        with console.step("安装浏览器与中文字体") as step:
            apt.install(step, missing)
    return {"ONEMAP_CHROMIUM": _machine_browser() or "/usr/bin/chromium"}


def _unpack(console: Console) -> dict[str, str]:
    env: dict[str, str] = {}
    machine = _machine_browser()
    if machine and Path("/", _FONT).exists():
        env["ONEMAP_CHROMIUM"] = machine
    else:
        own = INSTALLED.home / "chromium"
        env["ONEMAP_CHROMIUM"] = str(own / "start")
        if not (own / "start").exists():
            packages = ["fonts-noto-cjk", *([] if machine else ["chromium", "chromium-common"])]
            apt.require("浏览器测试需要 chromium 和中文字体 Noto Sans CJK，请管理员安装后再运行。")
            with console.step("取得浏览器与中文字体") as step:
                apt.unpack(step, packages, own)
                _write_starter(own, machine)
    driver = _driver()
    if driver and not _starts(driver):
        own = INSTALLED.home / "playwright"
        env["PLAYWRIGHT_NODEJS_PATH"] = str(own / "node")
        if not _starts(own / "node"):
            with console.step("取得浏览器驱动的运行库") as step:
                apt.download(step, _DRIVER_LIBRARY, own)
                _write_script(
                    own / "node", [f'export LD_LIBRARY_PATH="{apt.library_path(own)}"'], str(driver)
                )
    return env


def _write_starter(prefix: Path, machine: str | None) -> None:
    """A script that starts chromium with the fonts, and unless it is the machine's the libraries, of a folder."""
    write_whole(
        prefix / "fonts.conf",
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>{prefix}/usr/share/fonts</dir><dir>/usr/share/fonts</dir>"
        f"<cachedir>{prefix}/font-cache</cachedir></fontconfig>\n",
    )
    lines = [f'export FONTCONFIG_FILE="{prefix}/fonts.conf"']
    if machine is None:
        lines += [
            f'export LD_LIBRARY_PATH="{apt.library_path(prefix)}"',
            f'export XDG_DATA_DIRS="{prefix}/usr/share:/usr/share"',
        ]
    _write_script(prefix / "start", lines, machine or f"{prefix}/usr/lib/chromium/chromium")


def _write_script(path: Path, lines: list[str], program: str) -> None:
    text = "\n".join(["#!/bin/sh", *lines, f'exec "{program}" "$@"', ""])
    write_whole(path, text, 0o755)
