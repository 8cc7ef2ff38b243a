"""One-map (社区一张图): everything of a community keyed to addresses, buildings and grids."""
