"""Fixtures are nouns; each family lives in its own module under fixtures/."""

import os

import pytest

# Those that others build on come first: what was imported by another cannot be rewritten.
pytest_plugins = [
    "fixtures.databases",
    "fixtures.pictures",
    "fixtures.servers",
    "fixtures.origins",
    "fixtures.buckets",
    "fixtures.valkey",
]

# A developer's own settings must not leak into a test.
for name in [name for name in os.environ if name.startswith("PIXMILL_")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def in_ci() -> bool:
    """Say whether this is CI, where something missing is a failure and not a skip."""
    return bool(os.environ.get("CI"))
