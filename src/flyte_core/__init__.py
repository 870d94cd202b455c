"""The heart of Godwit: what a run is, how it changes, how it is named and kept.

Imports nothing of the SDK or the server. Both stand on it.
"""
