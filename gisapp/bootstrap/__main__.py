"""Entry of ``python -m gisapp.bootstrap``."""

import sys

from gisapp.bootstrap.main import main

sys.exit(main(sys.argv[1:]))
