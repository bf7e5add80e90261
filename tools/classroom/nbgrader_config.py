"""nbgrader's settings for this class. Edit them as you like: `make class` writes this file only where there is none."""

import sys

from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute

sys.path.insert(0, "@COURSE@")
from tools.classroom.collect import EveryFile, Unpack
from tools.classroom.confine import ConfinedExecute

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "pytorch"
c.ClearSolutions.code_stub = {"python": ""}  # the exercise's own stub stays above the solution

# Seconds for one cell; three cells that take longer stop the notebook
c.Execute.timeout = 60
steps = Autograde.autograde_preprocessors.default_args[0]
c.Autograde.autograde_preprocessors = [ConfinedExecute if step is Execute else step for step in steps]

# Whose file is it? The first rule that matches the path of an unpacked file says so; of several archives, each becomes
# a folder of its name. What no rule matches is collected as the learner `unknown`, and the table of grades names it.
c.ZipCollectApp.extractor_plugin = Unpack
c.ZipCollectApp.collector_plugin = EveryFile
c.EveryFile.rules = {
    # Anna Meier_1234501_assignsubmission_file_/04_autograd.ipynb: the number is the worksheet's "Participant 1234501"
    "moodle": r".*_(?P<student_id>\d+)_assignsubmission_[a-z]+_?/.+",
    # submission_301/04_autograd.ipynb: submission_metadata.yml beside the folder says whose it is
    "gradescope": r"(.*/)?(?P<submission>submission_\d+)/.+",
    # meieranna_LATE_51234_901234_04_autograd-1.ipynb: Canvas's id of the learner, then of the file
    "canvas": r"([^/]+/)?[^/]+?(?P<late>_LATE)?_(?P<student_id>\d+)_\d+_.+",
    # A folder for each learner: anna/04_autograd.ipynb
    "folders": r"(?P<student_id>[^/]+)/.+",
    # Single files: anna_04_autograd.ipynb
    "files": r"(?P<student_id>[^/]+?)[ _-]*\d\d_[^/]+",
}
