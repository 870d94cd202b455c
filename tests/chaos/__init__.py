"""Random kills of server, zygotes, supervisors, workers and parents, under load, and what must hold after."""
