"""Set-up's decisions that need no machine: addresses, messages, settings, words."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from gisapp.bootstrap import browser, content, databases, layout, postgis, toolchain, trouble, tuning, words
from gisapp.bootstrap.layout import ROOT, DataDirectory
from gisapp.bootstrap.trouble import ProgramFailed, SetupError

BOOTSTRAP = ROOT / "gisapp" / "bootstrap"


# --- nothing but the standard library ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(BOOTSTRAP.glob("*.py")), ids=lambda path: path.stem)
def test_imports_only_the_standard_library(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            allowed = name.startswith(("gisapp.bootstrap", "gisapp.errors"))
            assert allowed or name.partition(".")[0] in sys.stdlib_module_names, f"{path.name} imports {name}"


# --- lock files ----------------------------------------------------------------------------------------------------

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_lock_files_have_hashes_and_no_addresses(path: Path) -> None:
    text = path.read_text()
    assert "://" not in text
    assert not re.search(r"^\s*--(?:extra-)?index-url|^\s*--find-links", text, re.MULTILINE)
    for requirement in re.split(r"\n(?=[a-zA-Z0-9])", text.split("\n#")[0]):
        assert "--hash=sha256:" in requirement


def test_lock_files_of_one_environment_agree() -> None:
    pins = {}
    for name in ("run", "test", "notebook"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        for package, version in re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE):
            assert pins.setdefault(package, version) == version, f"{name}.txt pins {package} differently"


def test_front_end_lock_names_no_host() -> None:
    assert "resolved" not in (ROOT / "package-lock.json").read_text()


# --- what pip is told, uv is told -----------------------------------------------------------------------------------


def test_pip_configuration_prefers_environment_then_install_section() -> None:
    text = "\n".join(
        [
            "global.index-url='https://global.example/simple'",
            "install.index-url='https://install.example/simple'",
            ":env:.find-links='/wheels'",
            "global.extra-index-url='file:///a file:///b'",
            "global.cert='/etc/ca.pem'",
            "a line that is none",
        ]
    )
    assert toolchain.parse_pip_configuration(text) == {
        "index-url": "https://install.example/simple",
        "find-links": "/wheels",
        "extra-index-url": "file:///a file:///b",
        "cert": "/etc/ca.pem",
    }


def test_uv_gets_the_sites_index_and_local_places_that_exist(tmp_path: Path) -> None:
    options = {
        "index-url": "https://own.example/simple",
        "extra-index-url": f"file://{tmp_path} file:///nowhere/simple https://more.example/simple",
        "find-links": f"{tmp_path} /nowhere",
        "trusted-host": "own.example",
    }
    env = toolchain.uv_environment(options, {"HOME": str(tmp_path)})
    assert env["UV_DEFAULT_INDEX"] == "https://own.example/simple"
    assert env["UV_INDEX"] == f"file://{tmp_path} https://more.example/simple"
    assert env["UV_FIND_LINKS"] == str(tmp_path)
    assert env["UV_INSECURE_HOST"] == "own.example"
    assert env["UV_PYTHON_DOWNLOADS"] == "never"


def test_what_names_uv_itself_is_left_alone(tmp_path: Path) -> None:
    given = {
        "HOME": str(tmp_path),
        "UV_DEFAULT_INDEX": "https://mine.example/simple",
        "UV_CACHE_DIR": "/cache",
    }
    env = toolchain.uv_environment({"index-url": "https://pip.example/simple", "no-index": "true"}, given)
    assert env["UV_DEFAULT_INDEX"] == "https://mine.example/simple"
    assert env["UV_CACHE_DIR"] == "/cache"
    assert env["UV_NO_INDEX"] == "1"


def test_nothing_configured_gives_uv_no_index(tmp_path: Path) -> None:
    env = toolchain.uv_environment({}, {"HOME": str(tmp_path)})
    assert not {"UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "UV_NO_INDEX"} & set(env)


# --- messages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("error: failed to write: No space left on device (os error 28)", "磁盘已满"),
        ("npm error code ENOSPC", "磁盘已满"),
        (
            "E: You don't have enough free space in /var/cache/apt/archives/. not enough free space",
            "磁盘已满",
        ),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4711", "另一个程序占用"),
        ("Could not resolve 'deb.debian.org'", "连不上软件源"),
        ("npm error code ENOTFOUND", "连不上软件源"),
        ("error: Failed to fetch: `https://…/simple/numpy/`", "连不上软件源"),
        ("invalid peer certificate: UnknownIssuer", "证书不受本机信任"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES\nhashes do not match", "校验值不一致"),
        ("E: Unable to locate package postgresql-15-postgis-3", "没有需要的软件包"),
        ("touch: cannot touch '/x': Permission denied", "没有权限"),
        ("something that nobody knows", ""),
    ],
)
def test_output_of_a_failed_program_is_explained(output: str, cause: str) -> None:
    message, remedy = trouble.explain(output)
    assert (cause in message) if cause else not message
    assert bool(remedy) == bool(cause)


def test_failed_program_names_step_output_and_log(tmp_path: Path) -> None:
    error = ProgramFailed("安装", ["/bin/tool", "x"], 3, "first\nlast line", tmp_path / "log")
    assert "“安装”没有成功" in error.message
    assert "退出码 3" in error.message
    assert "last line" in error.message
    assert error.remedy is not None
    assert str(tmp_path / "log") in error.remedy


def test_message_of_our_own_command_is_handed_on() -> None:
    output = "noise\n✗ 数据库的版本（9999）比本程序新。\n  → 请升级本程序后再启动；\n数据库未作任何改动。\n"
    error = content._from_command(ProgramFailed("准备", ["python"], 1, output, None))
    assert error.message == "数据库的版本（9999）比本程序新。"
    assert error.remedy == "请升级本程序后再启动；数据库未作任何改动。"


def test_too_little_space_is_refused_before_work_begins(tmp_path: Path) -> None:
    trouble.require_space(tmp_path / "not" / "there", 1, "安装")
    with pytest.raises(SetupError, match=r"只剩 \d+ MB") as caught:
        trouble.require_space(tmp_path / "not" / "there", 10**9, "安装")
    assert caught.value.remedy is not None
    assert "--data" in caught.value.remedy


def test_data_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="不是目录"):
        DataDirectory(tmp_path / "file").prepare()


def test_data_directory_is_prepared_with_private_secrets(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    data.prepare()
    assert data.secrets.stat().st_mode & 0o777 == 0o700
    data.prepare()


# --- databases of the user ------------------------------------------------------------------------------------------


def test_external_server_gets_a_role_named_after_the_database(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.prepare()
    url = "postgresql+psycopg2://gis:p%40ss@db.example:5433/street?sslmode=require"
    first = databases.external_addresses(url, data)
    assert first.admin == "postgresql://gis:p%40ss@db.example:5433/street?sslmode=require"
    match = re.fullmatch(
        r"postgresql://street_app:([\w-]{32})@db\.example:5433/street\?sslmode=require", first.app
    )
    assert match
    assert databases.external_addresses(url, data) == first
    secret = data.secrets / "app-password"
    assert secret.read_text().strip() == match[1]
    assert secret.stat().st_mode & 0o777 == 0o600


def test_external_application_address_may_be_given(tmp_path: Path) -> None:
    app = "postgresql://app@db/street"
    assert databases.external_addresses("postgres://gis@db/street", DataDirectory(tmp_path), app).app == app
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize("url", ["mysql://a@b/c", "postgresql://host", "postgresql://host/", "street"])
def test_address_that_is_none_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="DATABASE_URL"):
        databases.external_addresses(url, DataDirectory(tmp_path))


def test_server_goes_without_the_owners_address(tmp_path: Path) -> None:
    addresses = databases.Addresses("postgresql://owner@/x", "postgresql://app@/x")
    data = DataDirectory(tmp_path)
    assert "ONEMAP_ADMIN_DATABASE_URL" not in addresses.environment(data, admin=False)
    full = addresses.environment(data)
    assert full["ONEMAP_ADMIN_DATABASE_URL"].endswith("owner@/x")
    assert full["PYTHONPATH"].split(":")[0] == str(ROOT)


# --- settings of the cluster ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", [512, 4096, 65536, 1_000_000])
def test_cluster_settings_fit_the_memory(memory: int) -> None:
    values = tuning.settings(Path("/run/x"), throwaway=False, memory=memory, cores=2, shared_disk_mb=64)

    def megabytes(name: str) -> int:
        return int(values[name].removesuffix("MB"))

    assert megabytes("shared_buffers") <= memory // 4
    assert megabytes("maintenance_work_mem") <= memory // 4
    assert values["listen_addresses"] == "''"
    assert values["dynamic_shared_memory_type"] == "mmap"
    assert "fsync" not in values


def test_throwaway_cluster_is_durable_against_nothing() -> None:
    values = tuning.settings(Path("/run/x"), throwaway=True, memory=4096, cores=2, shared_disk_mb=1024)
    assert values["fsync"] == "off"
    assert values["dynamic_shared_memory_type"] == "posix"


# --- words ----------------------------------------------------------------------------------------------------------


def test_up_understands_the_documented_options() -> None:
    options = words.up_parser().parse_args(
        ["--port", "8101", "--data", "/d", "--no-simulator", "--size", "city"]
    )
    assert (options.port, options.data, options.no_simulator, options.size) == (8101, "/d", True, "city")
    assert words.up_parser().parse_args([]).size == "street"


def test_every_word_is_a_full_sentence() -> None:
    assert all(sentence.endswith("。") and len(sentence) > 12 for sentence in words.WORDS.values())


def test_wrong_option_ends_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        words.up_parser().parse_args(["--prot", "1"])
    assert ended.value.code == 2
    assert "输入有误" in capsys.readouterr().err


def test_paths_of_two_copies_never_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "IS_ROOT", True)
    monkeypatch.setattr(layout, "ROOT", Path("/srv/a/onemap"))
    first = layout.default_data_path()
    monkeypatch.setattr(layout, "ROOT", Path("/srv/b/onemap"))
    second = layout.default_data_path()
    assert first != second
    assert first.parent == second.parent == Path("/var/lib/onemap")
    assert DataDirectory(first).key != DataDirectory(second).key


@pytest.mark.parametrize(
    "parser", [words.up_parser(), words.down_parser(), words.doctor_parser()], ids=lambda p: p.prog
)
def test_every_option_is_documented_and_explained(parser: words.Parser) -> None:
    page = (ROOT / "docs" / "run.md").read_text(encoding="utf-8")
    for action in parser._actions:
        assert (action.help or "").endswith("。")
        if "--help" not in action.option_strings:
            assert action.option_strings[-1] in page


def test_starter_of_an_unpacked_browser_names_its_libraries_and_fonts(tmp_path: Path) -> None:
    (tmp_path / "usr/lib/x86_64-linux-gnu").mkdir(parents=True)
    browser._write_starter(tmp_path, None)
    script = (tmp_path / "start").read_text()
    assert f'LD_LIBRARY_PATH="{tmp_path}/usr/lib/x86_64-linux-gnu:' in script
    assert f'exec "{tmp_path}/usr/lib/chromium/chromium" "$@"' in script
    assert f"<dir>{tmp_path}/usr/share/fonts</dir>" in (tmp_path / "fonts.conf").read_text()
    browser._write_starter(tmp_path, "/usr/bin/chromium")
    assert "LD_LIBRARY_PATH" not in (tmp_path / "start").read_text()


def test_programs_are_found_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "usr/lib/postgresql/15/bin"
    folder.mkdir(parents=True)
    (folder / "initdb").touch()
    (folder / "postgres").touch()
    extension = tmp_path / "usr/share/postgresql/15/extension"
    extension.mkdir(parents=True)
    assert postgis.found(tmp_path) == []
    (extension / "postgis.control").touch()
    assert postgis.found(tmp_path) == [], "the control file alone is half an installation"
    (folder.parent / "lib").mkdir()
    (folder.parent / "lib" / "postgis-3.so").touch()
    programs = postgis.found(tmp_path)
    assert [p.version for p in programs] == [15]
    assert programs[0].environment()["PROJ_DATA"] == str(tmp_path / "usr/share/proj")
