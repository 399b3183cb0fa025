"""Text of one line, with nothing in it that nobody can see."""


def line(text: str) -> str:
    """Return *text* trimmed, and without what cannot be printed; every space is a plain one."""
    plain = (each if each.isprintable() else " " if each.isspace() else "" for each in text)
    return "".join(plain).strip()
