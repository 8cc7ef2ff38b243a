"""Become a background program: write the note about this process first, then run the program in its place.

Set-up may be killed between starting a program and noting its process number. So the child notes it itself; the
number stays the same through ``exec``. Run as a script: ``launch.py NOTE LOG PROGRAM ARGUMENT…``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def start_of(pid: int | str) -> str:
    """When a process started, as boot and clock ticks since boot: with the number, the identity of a process."""
    text = Path(f"/proc/{pid}/stat").read_text()
    # The second field is the program's name in brackets and may hold anything, spaces and brackets included.
    ticks = text[text.rindex(")") + 2 :].split()[19]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{ticks}"


def become(note: Path, log: Path, command: list[str]) -> None:
    """Replace this process by a program; its output goes to the log."""
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    silence = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((silence, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    text = json.dumps(
        {**json.loads(os.environ.pop("ONEMAP_NOTE", "{}")), "pid": os.getpid(), "start": start_of("self")}
    )
    temporary = note.with_name(f".{note.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(note)
    os.execvp(command[0], command)


if __name__ == "__main__":
    become(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
