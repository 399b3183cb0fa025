"""Every encoder that can be installed here: ours, and what the peers are built on."""
