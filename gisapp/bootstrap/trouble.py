"""What can go wrong in set-up, and how the output of a failed program becomes one sentence with a remedy."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

from gisapp.errors import OnemapError


class SetupError(OnemapError):
    """Set-up cannot go on; the message says why and the remedy what to do."""

    code = "setup"


class ProgramFailed(SetupError):
    """A program that set-up ran ended with an error.

    Args:
        command: the program and its arguments.
        returncode: its exit status.
        output: the last lines that it wrote.
        log: the file that holds everything it wrote.
    """

    def __init__(
        self, title: str, command: list[str], returncode: int, output: str, log: Path | None
    ) -> None:
        message, remedy = explain(output)
        tail = "\n".join("    " + line for line in output.strip().splitlines()[-6:])
        text = (
            f"“{title}”没有成功：{message}"
            if message
            else f"“{title}”没有成功（{Path(command[0]).name} 退出码 {returncode}）。"
        )
        if tail:
            text += f"\n{tail}"
        where = f"全部输出见 {log}。" if log else ""
        super().__init__(
            text, remedy=(remedy or "请按上面的输出排除原因，再次运行同一命令即可继续。") + where
        )
        self.returncode = returncode
        self.output = output


# Ordered: the first that fits explains it. Disk before network, because a full disk also breaks downloads.
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        r"No space left on device|ENOSPC|not enough free space|Disk quota exceeded",
        "磁盘已满。",
        "请腾出空间，或用 --data 把数据放到另一块盘；再次运行即可继续。",
    ),
    (
        r"Could not get lock|Unable to acquire the dpkg frontend lock|is another process using it",
        "系统的软件包管理器正被另一个程序占用。",
        "等系统更新结束（或结束占用 apt 的程序）后再运行一次。",
    ),
    (
        r"hashes? (?:do not|mismatch)|HASH(?:ES)? .*MISMATCH|EINTEGRITY|Hash Sum mismatch",
        "下载的文件与锁定文件中的校验值不一致。",
        "软件源给出的文件与发布者的不同：请换一个软件源，或请管理员检查镜像。",
    ),
    (
        r"Temporary failure (?:in name resolution|resolving)|Could not resolve|Name or service not known|dns error"
        r"|failed to lookup address|ENOTFOUND|EAI_AGAIN|Network is unreachable|Connection (?:refused|timed out|reset)"
        r"|ECONNREFUSED|ETIMEDOUT|ECONNRESET|error sending request|Failed to fetch|Unable to connect"
        r"|Max retries exceeded|Read timed out|operation timed out|error trying to connect",
        "连不上软件源。",
        "请检查网络与代理（http_proxy、https_proxy）；内网请把 pip、apt、npm 指向单位自己的软件源。",
    ),
    (
        r"certificate verify failed|SELF_SIGNED_CERT|UNABLE_TO_(?:GET|VERIFY)|invalid peer certificate|UnknownIssuer",
        "软件源的证书不受本机信任。",
        "请把单位的根证书装进系统，或用 SSL_CERT_FILE 与 NODE_EXTRA_CA_CERTS 指明证书文件。",
    ),
    (
        r"Unable to locate package|has no installation candidate|No matching distribution|No solution found"
        r"|was not found in the package registry|there (?:is|are) no versions? of|E404|ETARGET",
        "软件源里没有需要的软件包。",
        "请检查软件源是否完整、是否对应本机的系统版本。",
    ),
    (
        r"Permission denied|EACCES|Operation not permitted",
        "没有权限。",
        "请用目录的所有者运行，或修正目录的权限。",
    ),
)


def explain(output: str) -> tuple[str, str]:
    """Cause and remedy that the output of a failed program points to; two empty strings when none is known."""
    for pattern, cause, remedy in _CAUSES:
        if re.search(pattern, output, re.IGNORECASE):
            return cause, remedy
    return "", ""


def from_os_error(error: OSError) -> SetupError:
    """The message for a failed file operation of set-up itself."""
    where = error.filename or "文件"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SetupError(
            f"磁盘已满，写不进 {where}。", remedy="请腾出空间，或用 --data 换一块盘；再次运行即可继续。"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return SetupError(
            f"没有权限读写 {where}。", remedy="请用它的所有者运行，或用 --data 换一个可写的目录。"
        )
    return SetupError(f"{where}：{error.strerror or error}", remedy="请排除原因后再次运行同一命令。")


def require_space(folder: Path, megabytes: int, purpose: str) -> None:
    """Refuse to begin what would fill the disk.

    Args:
        folder: a path on the disk in question; it need not exist yet.
        megabytes: free space needed, in MiB.

    Raises:
        SetupError: less than that is free.
    """
    existing = folder
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free // 2**20
    if free < megabytes:
        raise SetupError(
            f"{existing} 所在的磁盘只剩 {free} MB，{purpose}需要 {megabytes} MB。",
            remedy="请腾出空间，或用 --data 把数据放到另一块盘；再次运行即可继续。",
        )


def owner_name(path: Path) -> str:
    """Login of the owner of a path, or its number where it has no name."""
    import pwd

    uid = path.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def require_writable(
    folder: Path, what: str, remedy: str = "用 --data 指定另一个目录，例如 --data ~/onemap-data"
) -> None:
    """Create a folder if need be and make sure that this user can work in it.

    Args:
        what: what the folder is, for the message.
        remedy: what else than running as its owner can be done.

    Raises:
        SetupError: naming the owner and the remedy.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        usable = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    except FileExistsError:
        raise SetupError(f"{what} {folder} 不是目录。", remedy="请用 --data 指定一个目录。") from None
    except PermissionError:
        usable = False
    except OSError as error:
        raise from_os_error(error) from error
    if not usable:
        existing = folder
        while not os.access(existing, os.X_OK) or not existing.exists():
            existing = existing.parent
        raise SetupError(
            f"{what} {folder} 不可读写（{existing} 的所有者是 {owner_name(existing)}）。",
            remedy=f"请用它的所有者运行，或{remedy}。",
        )
