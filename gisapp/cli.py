"""The command line: one file per command in ``gisapp/commands``, found by its name and imported when it is asked for."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from typer import rich_utils
from typer.main import get_command

from gisapp import commands
from gisapp.errors import OnemapError
from gisapp.logs import catch_the_rest

ABOUT = (
    "社区一张图：把社区的人、房、地、事、物放在同一张图上。常用：先 up 启动，再在浏览器里打开它给出的地址。"
)

_HELP = ["-h", "--help"]
_HEADINGS = {
    "ARGUMENTS_PANEL_TITLE": "参数",
    "OPTIONS_PANEL_TITLE": "选项",
    "COMMANDS_PANEL_TITLE": "命令",
    "ERRORS_PANEL_TITLE": "输入有误",
    "ABORTED_TEXT": "已中断。",
    "DEFAULT_STRING": "[默认：{}]",
    "REQUIRED_LONG_STRING": "[必填]",
    "RICH_HELP": "用 [blue]{command_path} {help_option}[/] 查看说明。",
}


def command_modules() -> dict[str, str]:
    """Module of each command file, by the word that the file is named after (``import_.py`` → ``import``)."""
    return {
        module.name.rstrip("_").replace("_", "-"): f"{commands.__name__}.{module.name}"
        for module in pkgutil.iter_modules(commands.__path__)
    }


class _FoldingTable(Table):
    """A table that breaks Chinese text, which has no blanks to break at, instead of cutting it off."""

    def add_column(self, *headers: Any, **options: Any) -> None:
        """Add a column that folds unless told otherwise."""
        super().add_column(*headers, **({"overflow": "fold"} | options))

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row; a first row without columns declared makes them."""
        while len(self.columns) < len(cells):
            self.add_column()
        super().add_row(*cells, **options)


def build(word: str | None = None) -> typer.Typer:
    """The command line with the commands of one file, or of all.

    Args:
        word: the command that was typed; when a file has its name, only that file is imported, because the others
            would bring in the analysis libraries only to be listed.
    """
    app = typer.Typer(
        name="onemap",
        help=ABOUT,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": _HELP},
    )
    # With a single command typer would drop its name from the line; a callback keeps it.
    app.callback(help=ABOUT)(lambda: None)
    modules = command_modules()
    chosen = [modules[word]] if word in modules else list(modules.values())
    for name in chosen:
        module = importlib.import_module(name)
        if hasattr(module, "register"):
            module.register(app)
        else:
            app.add_typer(module.app, name=name.rpartition(".")[2].rstrip("_").replace("_", "-"))
    return app


def _translate(command: Any) -> None:
    """Give the help option of a command, and of those below it, its Chinese text.

    Args:
        command: of typer's own classes, which it does not export with types.
    """
    option = command.get_help_option(typer.Context(command, help_option_names=_HELP))
    if option is not None:
        option.help = "显示这份说明。"
    for inner in getattr(command, "commands", {}).values():
        _translate(inner)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; an error of the tree becomes its message and remedy, and exit status 1."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for name, value in {**_HEADINGS, "Table": _FoldingTable}.items():
        setattr(rich_utils, name, value)
    word = next((w for w in words if not w.startswith("-")), None)
    try:
        command = get_command(build(word))
        _translate(command)
        command(words, prog_name="./onemap")
    except OnemapError as error:
        say_error(error)
        sys.exit(1)


def say_error(error: OnemapError) -> None:
    """Print an error and its remedy to standard error."""
    console = Console(stderr=True, highlight=False)
    console.print(f"✗ {error.message}", style="red", markup=False, soft_wrap=True)
    if error.remedy:
        console.print(f"  → {error.remedy}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    # What a command prints may be kept in a log: set-up does so, and so do schedulers.
    catch_the_rest()
    main()
