"""A class's results: `python -m tools.results FOLDER` runs what the learners handed in and writes a table.

    course         what the course itself knows of its exercises: the only source of a verdict
    submissions    which files were handed in, by whom, and of which notebook
    confine        one process for one job, with what this machine has to keep it in
    inside/        the programs that run there: one executes a notebook, one judges the answers in it
    report         the table as CSV and as a page

What is handed in is a stranger's program. The process that writes the table never runs, compiles or unpickles any of
it: it reads JSON, and what comes back from the confined process is text of limited length.
"""
