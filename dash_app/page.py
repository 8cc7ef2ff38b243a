"""Pages: one file in ``dash_app/pages`` each, found by ``discover``.

A page file exposes ``PAGE = Page(...)``. Its callbacks are registered on the app object inside ``register``, never at
import, so that a second application in the same process has its own.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dash import Dash
from dash.development.base_component import Component

from gisapp.domain.access import Reader, Role


def _nothing(_app: Dash) -> None:
    """A page without callbacks."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the application.

    Attributes:
        path: address of the page, such as ``/cases``; a deep link carries the rest in query and hash.
        title: Chinese title in the top bar and in the browser's tab.
        layout: draws the page for a reader (None on a public page); called in a thread, may read through services.
        register: registers the page's callbacks on the app object.
        roles: who may open it; empty for everyone signed in.
        nav: place in the top bar, smallest first; None leaves it out.
        bare: drawn without the top bar (sign-in, big screen).
        public: may be opened without a sign-in.
        icon: name of a symbol in ``dash_app/parts/icons.py`` for the phone's bottom bar.
        tab: place in the phone's bottom bar, smallest first; what does not fit stands under 更多.
    """

    path: str
    title: str
    layout: Callable[..., Component | list[Component]]
    register: Callable[[Dash], None] = _nothing
    roles: tuple[Role, ...] = ()
    nav: int | None = None
    bare: bool = False
    public: bool = False
    icon: str = "dot"
    tab: int = 50

    def open_to(self, reader: Reader) -> bool:
        """Whether a signed-in reader may open the page."""
        if reader.is_device:
            return False
        return not self.roles or reader.role is Role.ADMIN or reader.role in self.roles


def discover(package: str = "dash_app.pages") -> dict[str, Page]:
    """Every page of the package by its path, in the order of the top bar.

    Raises:
        ValueError: a page file without ``PAGE``, or two pages with one path (a programming error, found at start-up).
    """
    root: Any = importlib.import_module(package)
    pages: dict[str, Page] = {}
    for info in sorted(pkgutil.iter_modules(root.__path__), key=lambda item: item.name):
        if info.name.startswith("_") or info.ispkg:
            continue
        module = importlib.import_module(f"{package}.{info.name}")
        page = getattr(module, "PAGE", None)
        if not isinstance(page, Page):
            raise ValueError(f"{module.__name__} exposes no PAGE")
        if page.path in pages:
            raise ValueError(f"two pages share the path {page.path}")
        pages[page.path] = page
    return dict(sorted(pages.items(), key=lambda item: (item[1].nav is None, item[1].nav or 0, item[0])))
