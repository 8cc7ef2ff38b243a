"""The words that set-up itself understands, each with one sentence; every other word is the command line's."""

from __future__ import annotations

import argparse

WORDS: dict[str, str] = {
    "up": "安装缺少的东西，启动数据库、服务器和模拟器，并给出访问地址；再次运行会接着上次做完。",
    "down": "停止由 up 启动的服务器、模拟器和数据库；数据保留。",
    "backup": "把数据库备份到一个文件；运行中也可以备份。",
    "restore": "用一份备份换下数据库现有的数据：要么全部恢复，要么原样不动。",
    "test": "安装测试需要的东西并运行全部测试，或只运行一部分：unit、db、browser、contracts、operate（按运维文档逐段执行）、images（容器镜像）。",
    "bench": "运行一项性能对比，给出本程序、对比对象和两者的倍数。",
    "python": "用本项目的 Python 解释器运行脚本或模块，数据库地址已设置好。",
    "notebook": "打开 JupyterLab，在笔记本里使用本程序的分析函数。",
    "doctor": "查看版本、磁盘、端口、数据库扩展，以及哪些程序正在运行。",
}

SIZES = ("street", "district", "city")
PARTS = ("unit", "db", "browser", "contracts", "operate", "images")


class Parser(argparse.ArgumentParser):
    """A parser whose fixed texts are Chinese too."""

    def __init__(self, word: str, usage: str) -> None:
        super().__init__(
            prog=f"./onemap {word}", usage=f"./onemap {word} {usage}", description=WORDS[word], add_help=False
        )
        self._positionals.title = "参数"
        self._optionals.title = "选项"
        self.add_argument("-h", "--help", action="help", help="显示这份说明。")

    def error(self, message: str) -> None:  # type: ignore[override]
        """Report a wrong argument with the usage, exit status 2."""
        self.exit(2, f"输入有误：{message}\n用 {self.prog} --help 查看说明。\n")

    def add_data(self) -> None:
        """The option that every word about a running copy has."""
        self.add_argument(
            "--data", metavar="DIR", help="数据目录；以后的命令默认沿用。也可用环境变量 ONEMAP_DATA 指定。"
        )


def up_parser() -> Parser:
    """Options of ``up``."""
    parser = Parser("up", "[选项]")
    parser.add_argument(
        "--port", type=int, metavar="P", help="服务器的端口，默认 8050（或环境变量 ONEMAP_PORT）。"
    )
    parser.add_argument("--host", help="监听的地址，默认 127.0.0.1 只供本机；0.0.0.0 供同网的其他电脑访问。")
    parser.add_data()
    parser.add_argument("--no-simulator", action="store_true", help="不启动模拟器；正在运行的会停止。")
    parser.add_argument(
        "--size",
        choices=SIZES,
        default="street",
        help="数据库为空时载入的演示数据：street 一个街道、district 一个区、city 一座城市；默认 street。",
    )
    return parser


def down_parser() -> Parser:
    """Options of ``down``."""
    parser = Parser("down", "[--data DIR]")
    parser.add_argument("--data", metavar="DIR", help="只停止使用这个数据目录的；默认停止本程序启动的全部。")
    return parser


def backup_parser() -> Parser:
    """Options of ``backup``."""
    parser = Parser("backup", "文件 [--data DIR]")
    parser.add_argument("file", metavar="文件", help="要写出的文件；已存在的不会被覆盖。")
    parser.add_data()
    return parser


def restore_parser() -> Parser:
    """Options of ``restore``."""
    parser = Parser("restore", "文件 [--discard] [--data DIR]")
    parser.add_argument("file", metavar="文件", help="由 backup 写出的文件。")
    parser.add_argument(
        "--discard", action="store_true", help="不另存现有的数据（例如现有的数据库已损坏，或磁盘放不下）。"
    )
    parser.add_data()
    return parser


def doctor_parser() -> Parser:
    """Options of ``doctor``."""
    parser = Parser("doctor", "[--data DIR] [--json]")
    parser.add_data()
    parser.add_argument("--json", action="store_true", help="以 JSON 输出，供脚本使用。")
    return parser


def overview() -> str:
    """The list of words, for a machine on which nothing is installed yet."""
    lines = [
        "用法：./onemap 命令 [选项]",
        "",
        "社区一张图。第一次请运行 ./onemap up，它会安装缺少的东西。",
        "",
        "命令：",
    ]
    lines += [f"  {word:<10}{sentence}" for word, sentence in WORDS.items()]
    lines += ["", "安装之后，./onemap --help 列出全部命令；每个命令都可以加 --help。"]
    return "\n".join(lines)
