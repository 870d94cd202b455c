"""Tasks whose bodies are programs: containers, shell scripts, plain Python scripts."""
