"""What a bottom sheet of the phone consists of; ``modules/sheet.mjs`` moves whatever carries ``SHEET``.

On a desk the same element is the panel at the map's edge that it always was, and the grip is not drawn.
"""

from __future__ import annotations

from dash import html


def sheet(stop: str = "half", *, close: str = "", fold: str = "") -> dict[str, str]:
    """Attributes that make an element a sheet on a phone.

    Args:
        stop: where it stands when it opens: ``peek``, ``half``, ``full``, or ``fit`` for one as high as its content.
        close: selector, within the sheet, of the button that closes it; without one the sheet stays in sight.
        fold: selector, within the sheet, of a button that folds and unfolds it.
    """
    given = {"data-sheet": stop}
    if close:
        given["data-sheet-close"] = close
    if fold:
        given["data-sheet-fold"] = fold
    return given


def grip() -> html.Button:
    """The handle: pulled with a finger, pressed or moved with the arrow keys; the first child of a sheet."""
    return html.Button(className="sheet-grip", type="button", **{"aria-label": "面板高度"})
