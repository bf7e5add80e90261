"""No figure is left open from one test to the next."""

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def _no_figure_left():
    yield
    plt.close("all")
