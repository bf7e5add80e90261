"""Proof that the course holds: commands that try what no ordinary test run tries, and the page of what came out."""
