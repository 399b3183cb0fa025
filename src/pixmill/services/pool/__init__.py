"""
Where pictures meet codecs: locked processes that decode and encode, and the server's side of them.

    server ──── control socket ────▶ fork server ──── fork ────▶ codec process, locked
       └──────────────── one socket each: job, two files, reply ──────────┘

A codec that is fed a hostile picture may be taken over: memory bugs in image libraries come every
month. So no picture is decoded in the server. It is decoded in a process that holds no secret, that
can open no file, reach no network, start no program and signal nobody (`sandbox`), that is killed
at its deadline, and whose every word is checked before it is believed (`replies`).

To read it in the order in which things happen:

1. `pool` is what the rest of Pixmill calls; `admission` decides whose turn it is.
2. `crew` keeps the codec processes up to strength, through the `launcher` and its `forkserver`.
3. `worker` is what a codec process does: lock itself in, then answer jobs for ever.
4. `sandbox` is the lock, layer by layer: `rlimits`, `landlock`, `seccomp` with its `syscalls`.
5. `process` is one codec process as the server sees it. Between the two are a `channel`,
   `messages`, files (`blob`), and on the server's side distrust (`replies`). `tasks` has what can
   be asked for.
"""
