"""The values that callbacks get: each has to be of the type that the callback's own annotation names.

Components give what a page shows, stores what a callback put there; both come back from the browser, so neither can be
relied upon. What is not of its type is answered with a message on the page, and the callback does not run.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, get_type_hints

from dash import Dash
from pydantic import ConfigDict, TypeAdapter, ValidationError

from gisapp.errors import InputError


class CheckedDash(Dash):  # type: ignore[misc]  # Dash states no types
    """Dash whose callbacks get nothing but values of the types that they state."""

    def callback(self, *args: Any, **kwargs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a callback; arguments as for ``Dash.callback``."""
        register = super().callback(*args, **kwargs)

        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            register(checked(function))
            return function

        return add


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """A callback that refuses values of other types than its annotations name.

    Args:
        function: an ``async`` function; what it leaves without annotation, or annotates with ``Any``, is not looked at.
    """
    signature = inspect.signature(function)
    hints = get_type_hints(function)
    types = {
        name: TypeAdapter(hints[name], config=ConfigDict(strict=True))
        for name, parameter in signature.parameters.items()
        if name in hints and parameter.kind is not parameter.VAR_POSITIONAL
    }

    @wraps(function)
    async def run(*args: Any, **kwargs: Any) -> Any:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            if name in types:
                require_type(types[name], value, name)
        return await function(*args, **kwargs)

    return run


def require_type(wanted: TypeAdapter[Any], value: Any, field: str) -> None:
    """Refuse a value of another type.

    Raises:
        InputError: naming the field.
    """
    try:
        wanted.validate_python(value)
    except ValidationError as error:
        place = ".".join([field.lstrip("_"), *(str(part) for part in error.errors()[0]["loc"])])
        raise InputError(
            f"页面送来的 {place} 不是预期的内容。",
            remedy="请刷新页面后再试。",
            details={"field": place},
        ) from None
