"""
What images cost besides their pixels, for docs/growing.md.

1. `python -m benchmarks.ledger` counts transactions, requests to the object store, and CPU.
2. `python -m benchmarks.ledger.sweeps` deletes files that nobody needs.
3. `ends.sql` and `ends-setup.sql`, for pgbench: how many jobs of one batch can end in a second.
"""
