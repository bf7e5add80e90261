"""What runs by itself in a real browser: it starts, pauses and resets at once, and ends with its cell."""

import re
import time

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.browser.lab import wait_until

SETUP = """
import torch
from torch import nn
from torchvision import datasets
from torchvision.transforms import ToTensor

from helpers.data import InMemoryDataset, dataset_root
from helpers.widgets import confusion_explorer, descent_explorer, watch_it_learn

root = dataset_root("FashionMNIST", edition="drawn")
train_set, test_set = (
    InMemoryDataset(datasets.FashionMNIST(root, train=train, transform=ToTensor())) for train in (True, False)
)
torch.manual_seed(0)
model = nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
"""
CELLS = {
    "set-up": SETUP,
    "watching": "watching = watch_it_learn(model, train_set, test_set, test_set.classes)\nwatching",
    "descent": "descent_explorer()",
    "looking": """
y = test_set.labels
confusion_explorer(test_set.images, y, (y + y % 2) % 10, test_set.classes)  # every second class taken for the next
""",
    "busy": "import time\ntime.sleep(6)",
}
AT_ONCE = 0.3  # seconds


@pytest.fixture(scope="module")
def notebook(open_notebook):
    cells = [new_code_cell(source.strip(), id=cell_id) for cell_id, source in CELLS.items()]
    page = open_notebook(new_notebook(cells=cells), name="running")
    page.run_all()
    yield page
    assert page.console_errors == []
    assert page.error_cells() == {}


class Widget:
    """A panel as a learner sees it."""

    def __init__(self, notebook, cell_id):
        self.cell = notebook.cell(cell_id)
        self.cell.get_by_role("status").wait_for()

    def press(self, button):
        self.cell.get_by_role("button", name=button, exact=True).click()

    @property
    def sentence(self):
        return self.cell.get_by_role("status").text_content()

    @property
    def picture(self):
        return self.cell.locator("[role=status] ~ * img").get_attribute("src")

    def says(self, start, *, seconds=5):
        wait_until(lambda: self.sentence.startswith(start), seconds=seconds, what=f"the panel to say {start!r}")

    def changes(self, *, seconds):
        """When its sentence changes, in seconds from now, while it is watched for so long."""
        start, said, changes = time.monotonic(), self.sentence, []
        while (now := time.monotonic() - start) < seconds:
            if (new := self.sentence) != said:
                said = new
                changes.append(now)
        return changes


@pytest.fixture
def watching(notebook):
    """The training before it has begun."""
    watching = Widget(notebook, "watching")
    watching.press("Reset")
    watching.says("Untrained")
    return watching


def test_training_starts_pauses_and_resets_at_once(watching):
    untrained = watching.picture
    watching.press("Start")
    watching.says("After 30 batches", seconds=20)
    assert watching.picture != untrained
    one_step = 3 / len(watching.changes(seconds=3))  # on a busy machine a step itself takes longer
    at_once = max(AT_ONCE, 2 * one_step)

    watching.press("Pause")
    late = watching.changes(seconds=max(1.5, 4 * at_once))
    assert len(late) <= 1  # the step that was under way
    assert max(late, default=0) <= at_once
    paused = watching.sentence

    watching.press("Start")
    wait_until(lambda: watching.sentence != paused, seconds=5, what="the training to go on")
    watching.press("Reset")
    late = watching.changes(seconds=max(1.5, 4 * at_once))
    assert len(late) <= 2
    assert max(late, default=0) <= at_once
    assert watching.sentence.startswith("Untrained")
    assert watching.picture == untrained
    print(f"a step takes {one_step:.2f} s")


def test_a_step_is_one_step(watching):
    watching.press("Step")
    watching.says("After 10 batches")
    assert watching.changes(seconds=1) == []


def test_pause_acts_while_another_cell_runs(notebook, watching):
    watching.press("Start")
    watching.says("After")
    notebook.run_cell("busy", wait=False)
    watching = Widget(notebook, "watching")
    assert watching.changes(seconds=2)
    watching.press("Pause")
    assert len(watching.changes(seconds=1.5)) <= 1


def test_a_cell_that_is_run_again_ends_what_ran_in_it(notebook, watching):
    watching.press("Start")
    watching.says("After")
    notebook.in_kernel("before = watching")
    notebook.run_cell("watching")
    watching = Widget(notebook, "watching")
    watching.says("Untrained")
    running = "before.controls['steps'].running"
    wait_until(lambda: not notebook.in_kernel("", running), seconds=5, what="the first training to stop")
    steps = notebook.in_kernel("", "before.values['steps']")
    assert watching.changes(seconds=1) == []
    assert notebook.in_kernel("", "before.values['steps']") == steps


def test_descent_goes_its_way_and_stops_where_it_is_paused(notebook):
    descent = Widget(notebook, "descent")
    descent.press("Step")
    descent.says("After 1 step")
    descent.press("Start")
    descent.says("After 4 steps", seconds=10)
    descent.press("Pause")
    assert len(descent.changes(seconds=1)) <= 1
    descent.press("Reset")
    descent.says("At the start")


def test_cells_of_the_confusion_matrix_are_looked_up_by_mouse_and_by_keyboard(notebook):
    looking = Widget(notebook, "looking")
    first = looking.picture
    looking.cell.get_by_role("button", name=re.compile("^true Sandal, predicted Shirt: [1-9]")).click()
    looking.says("Of the class Sandal, 100 % were taken for Shirt.")
    assert looking.picture != first
    for key, said in {
        "ArrowLeft": "No picture of the class Sandal was named Sandal",
        "ArrowUp": "No picture of the class Coat was taken for Sandal",
        "ArrowLeft ": "Of the class Coat, 100 % were named Coat",
    }.items():
        notebook.page.keyboard.press(key.strip())
        looking.says(said)
    assert notebook.active_cell() == "looking"  # the arrows did not move the notebook
    pressed = looking.cell.locator("[aria-pressed=true]")
    assert pressed.get_attribute("aria-label").startswith("true Coat, predicted Coat: ")
