"""
A batch of thousands of files through a server of its own: what it costs besides the engine.

1. `pictures` makes the files, each one different.
2. `sending` puts them into a batch, a chunk after the other, as a client would.
3. `watching` looks at the server's processes meanwhile.
4. `archives` downloads and checks the ZIP.
5. `figures` makes numbers of what was seen.
"""
