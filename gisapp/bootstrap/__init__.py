"""Set-up of the project, written with the standard library only: it runs before anything is installed.

``./onemap`` starts :mod:`gisapp.bootstrap.main` with the machine's Python. Every step can be interrupted and is taken
up again by the next start: what is finished leaves a stamp, what is half made is found and made anew.
"""
