"""The words of set-up in the command line's list; they run with the machine's Python before anything is installed."""

from __future__ import annotations

import sys

import typer

from gisapp.bootstrap.words import WORDS


def register(app: typer.Typer) -> None:
    """Add one entry a word, each handing over to set-up."""
    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    for word, sentence in WORDS.items():
        app.command(word, help=sentence, context_settings=settings, add_help_option=False)(_hand_over)


def _hand_over(context: typer.Context) -> None:
    from gisapp.bootstrap.main import main

    sys.exit(main([context.info_name or "", *context.args]))
