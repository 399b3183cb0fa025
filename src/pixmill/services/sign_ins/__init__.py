"""Signing up, in and out; see docs/adr/0023-signing-in.md for why it is as it is."""
