"""What a learner's code is given in place of the checks. Nothing else lives here: whoever has it can look into here."""

from types import ModuleType


class Recorder(ModuleType):
    """Stands for a module of checks, and notes what they are given."""

    def __init__(self, name):  # noqa: ANN001, ANN204 - nothing imported, nothing to be found
        super().__init__(name)
        self.__path__ = []
        self.calls = []

    def __getattr__(self, name):  # noqa: ANN001, ANN204
        if name.startswith("__"):
            raise AttributeError(name)

        def check(*answers, solution=False, **named):  # noqa: ANN002, ANN003, ANN202
            self.calls.append((name, (*answers, *named.values())))

        return check


def display(*_, **__):  # noqa: ANN002, ANN003, ANN201
    """Stands for what shows something."""


def get_ipython():  # noqa: ANN201
    """Stands for the kernel's shell."""
    return Recorder("shell")
