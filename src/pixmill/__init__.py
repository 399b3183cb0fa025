"""Pixmill, a self-hosted image optimizer."""

from importlib.metadata import version

__version__ = version("pixmill")
