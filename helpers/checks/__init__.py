"""Checks that answer a learner's exercises, one module a notebook: `from helpers.checks import tensors as check`.

`core` holds the exercises and their verdicts, `compare` what a check may ask of an answer, `guard` keeps an answer's
code from doing harm. A check knows nothing of plots and widgets.
"""
