"""Parts of the benchmark ``map``: the place, its tiles as clients ask for them, its page as a browser draws it."""
