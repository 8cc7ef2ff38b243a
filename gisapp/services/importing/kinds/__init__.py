"""One module a kind of data, each with its ``IMPORTER``; names with an underscore are shared pieces."""
