"""
Processes and services that die under load, and an audit of what is left afterwards.

1. `services` are PostgreSQL, Valkey and an S3 server that can be stopped and frozen.
2. `nodes` are Pixmill's own processes, each started again when it ends.
3. `worlds` put them together: the embedded default, or two servers and two workers.
4. `calling` is a careful client, `loading` keeps the world busy with it and remembers what for.
5. `killing` and `outages` are what goes wrong; `asking` listens to what is said then.
6. `auditing` compares what was promised with what there is.
"""
