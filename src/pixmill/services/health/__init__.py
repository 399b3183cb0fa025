"""How an installation does: what it is made of, and whether what it needs can be reached."""
