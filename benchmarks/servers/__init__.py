"""The service against Thumbor and ipx: one machine, one run, the same work in turns."""
