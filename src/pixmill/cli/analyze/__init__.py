"""`pixmill analyze`: what pictures on this machine are, what is said of them, and saying it."""
