"""
`pixmill mcp`: an assistant optimizes pictures on this machine, in the folders that it is given.

`command` takes the options, `server` speaks the protocol, `tools` says what can be done, `roots`
which files that may touch, and `engine` has the codec processes that all calls share.
"""
