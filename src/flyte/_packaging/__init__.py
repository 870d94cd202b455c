"""The code that goes with a run: which files, as one archive named by its content, brought to the server once."""
