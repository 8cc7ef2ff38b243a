"""Real input: one importer a kind of data, each one file in ``kinds``, found by the registry.

The way of a file: ``reading`` opens it as columns with row numbers, ``headings`` recognises the columns, ``fields``
checks every value, ``shapes`` brings geometry into EPSG:4490 and repairs it, ``locating`` finds the place keys, ``run``
stores all of it in one transaction and ``report`` says what became of each row.
"""
