"""`pixmill bench`: what the codecs cost, and what the service adds to them."""

from pixmill.cli.bench.command import app as app
