"""Talking to a server: HTTP, the Connect protocol over it, the calls we make, what their failures mean."""
