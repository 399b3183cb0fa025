"""Measurements, and the demonstration, as programs."""
