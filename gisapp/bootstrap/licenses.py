"""Write ``docs/licenses.md``: the licences of everything that the program runs with, from what the packages say of themselves.

``./onemap python -m gisapp.bootstrap.licenses`` writes the page anew after the lock files have changed.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from pathlib import Path

from gisapp.bootstrap.layout import ROOT, write_whole

PAGE = ROOT / "docs" / "licenses.md"
COMPATIBLE = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "LGPL-3.0-or-later with exceptions",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Zlib",
    }
)
"""Licences under which a package may be used, unchanged, by a program under Apache-2.0."""
UNKNOWN = "unknown"

# How packages that name no SPDX expression put it: first words of the field License, or of a classifier.
_WORDS: tuple[tuple[str, str], ...] = (
    (r"MIT\b", "MIT"),
    (r"(The )?BSD[- ]?2[- ]Clause", "BSD-2-Clause"),
    (r"(The )?(New |Modified )?BSD([- ]?3[- ]Clause)?( License)?\b", "BSD-3-Clause"),
    (r"Apache( Software)?( License)?([,]? ?(Version )?[- ]?2(\.0)?)?\b", "Apache-2.0"),
    (r"ISC\b", "ISC"),
    (r"(MPL[- ]2\.0|Mozilla Public License 2\.0)", "MPL-2.0"),
    (r"(PSF|Python Software Foundation)", "PSF-2.0"),
    (r"LGPL with exceptions", "LGPL-3.0-or-later with exceptions"),
)

_HEAD = """# Licences

The project is licensed under [Apache-2.0](../LICENSE). What it runs with is installed unchanged from the package indexes, each
under its own licence. The tables are made from what the packages say of themselves, by
`./onemap python -m gisapp.bootstrap.licenses`; a test fails where a package is missing or has a licence that is not known to be
compatible.

**中文** · 本项目采用 Apache-2.0 许可证；下表列出运行时用到的全部软件包及其许可证，由软件包自带的元数据生成。

Beside it run, as programs of their own and installed from Debian or a registry of images: PostgreSQL (PostgreSQL License), PostGIS
(GPL-2.0-or-later), Python (PSF-2.0) and, in containers, Caddy (Apache-2.0).
"""


def python_packages(requirements: Path) -> list[str]:
    """Names of the packages that a lock file installs."""
    return re.findall(r"^([A-Za-z0-9._-]+)==", requirements.read_text(encoding="utf-8"), re.MULTILINE)


def python_license(name: str) -> str:
    """The licence of an installed package as an SPDX expression, ``unknown`` where it does not say."""
    told = importlib.metadata.metadata(name).json
    if expression := told.get("license_expression"):
        return str(expression)
    classifiers = [
        text.rpartition("::")[2].strip()
        for text in told.get("classifier", [])
        if text.startswith("License ::")
    ]
    return spdx([str(told.get("license") or ""), *classifiers])


def spdx(texts: list[str]) -> str:
    """The SPDX name of the first of some texts that says one.

    >>> spdx(["BSD 3-Clause License  Copyright (c) 2022"])
    'BSD-3-Clause'
    """
    for text in texts:
        for pattern, name in _WORDS:
            if re.match(pattern, text.strip(), re.IGNORECASE):
                return name
    return next((name for text in texts for name in _long_texts(text)), UNKNOWN)


def _long_texts(text: str) -> list[str]:
    """The licence whose whole text stands in the field."""
    plain = " ".join(text.split())
    if plain.startswith("Copyright") and "Neither the name of the copyright holder" in plain:
        return ["BSD-3-Clause"]
    return []


def npm_packages(lock: Path) -> dict[str, str]:
    """Name and licence of each package that a ``package-lock.json`` installs for running."""
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return {
        path.rpartition("node_modules/")[2]: str(about.get("license") or UNKNOWN)
        for path, about in packages.items()
        if path and not about.get("dev")
    }


def incompatible(expression: str) -> list[str]:
    """Those parts of an SPDX expression that are not known to be compatible; of alternatives one is enough."""
    alternatives = re.split(r"\s+OR\s+", expression.strip("()"))
    missing = [
        [part for part in re.split(r"\s+AND\s+", one.strip("() ")) if part not in COMPATIBLE]
        for one in alternatives
    ]
    return min(missing, key=len)


def licenses() -> dict[str, dict[str, str]]:
    """Licence of each package, by where it comes from and its name."""
    names = python_packages(ROOT / "requirements" / "run.txt")
    return {
        "Python": {name: python_license(name) for name in names},
        "npm": npm_packages(ROOT / "package-lock.json"),
    }


def page(found: dict[str, dict[str, str]]) -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    for source, packages in found.items():
        rows = [f"| {name} | {packages[name]} |" for name in sorted(packages, key=str.lower)]
        parts.append("\n".join([f"## {source}", "", "| package | licence |", "|---|---|", *rows, ""]))
    return "\n".join(parts)


def main() -> int:
    """Write the page; exit status 1 where a licence is unknown or not compatible."""
    found = licenses()
    write_whole(PAGE, page(found))
    bad = {n: text for packages in found.values() for n, text in packages.items() if incompatible(text)}
    for name, text in bad.items():
        print(f"✗ {name}：许可证“{text}”不在已知可以合用的许可证之列。", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
