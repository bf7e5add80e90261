"""Class work on nbgrader: `python -m tools.classroom`; docs/classroom.md says how it is used.

assignments    nbgrader's course directory, generated from the notebooks
collect        whose file is it? for nbgrader's zip_collect
normalise      what people hand in, made into the notebook that nbgrader expects
confine        a kernel for strangers' code
grades         roster, autograde, export
"""
