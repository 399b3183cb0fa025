"""
`pixmill optimize`: pictures in files, as a build needs it.

To read it in the order in which things happen: `command` takes the options, with those of a
`configuration` file, and makes an `Order` (`types`) of them; `finding` says which files are meant
and `planning` where their results go; `work` does it, file by file, past the `cache`, with what is
made by `local` codec processes or on a `remote` server; `report` tells what came of it.

What is imported before there is something to do is kept light: codecs, settings and the client are
loaded (`importing.load`) when they are needed.
"""
