"""Class work on nbgrader: `python -m tools.classroom`; docs/classroom.md says how it is used."""
