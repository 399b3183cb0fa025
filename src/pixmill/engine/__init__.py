"""Pictures: bytes in, bytes out, and nothing else."""
