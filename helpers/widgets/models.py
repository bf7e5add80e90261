"""To play with in notebook 3: a picture on its way through a network, and what train and eval mode change."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from helpers.plotting import describe, layer_values, value_tables
from helpers.training import device_of
from helpers.widgets.panel import Answer, Panel, RefusalError, choice, place, slider, toggle

_LAYERS = ("Dropout", "BatchNorm1d")
_ROWS, _COLUMNS = 4, 6


class Step(NamedTuple):
    """What one layer made of one example: its name, its output [1, ...], and how many parameters it has."""

    name: str
    output: Tensor
    parameters: int


def layer_explorer(models: Mapping[str, nn.Module], X: Tensor, *, classes: Sequence[str] | None = None) -> Panel:
    """Follow one picture through a network, layer by layer: the shape, the numbers, and the parameters.

    The networks are used in eval mode and without gradients; they themselves stay as they are, modes and hooks too.
    Their weights are the live ones.

    Shapes: X [N, ...], the examples to choose from. classes: names for the numbers that come out last.
    """
    own = {name: own_copy(model) for name, model in models.items()}
    lengths = {name: len(steps_of(model, X[:1])) for name, model in own.items()}  # a misfit is an error in the cell
    controls = {"network": choice("network", list(models)), "layer": slider("layer (0 is the input)", 0, 0, 1)}
    if len(X) > 1:
        controls["picture"] = slider("picture number", 0, 0, len(X) - 1)

    def adjust(panel: Panel) -> None:
        panel.controls["layer"].max = lengths[panel.values["network"]] - 1

    def answer(network: str, layer: int, picture: int = 0) -> Answer:
        steps = steps_of(own[network], X[picture : picture + 1])
        output = steps[layer].output[0]
        if not output.isfinite().all():
            raise RefusalError(
                f"Expected finite numbers after {steps[layer].name}: received NaN or infinite ones. "
                "Look for where they begin in the layers before it."
            )
        return layer_values(
            [(step.name, step.output.shape) for step in steps],
            layer,
            output if output.ndim in (1, 3) else output.flatten(),
            parameters=[step.parameters for step in steps],
            class_names=classes,
        )

    return Panel("Step through the network", controls, answer, adjust=adjust)


def mode_explorer() -> Panel:
    """Switch Dropout and BatchNorm1d between train and eval mode, and see what each makes of a table of numbers."""
    controls = {
        "layer": toggle("layer", _LAYERS),
        "mode": toggle("mode", ("train", "eval")),
        "p": slider("p of Dropout", 0.5, 0.0, 0.9, step=0.1, digits=1),
        "seen": slider("batches seen by BatchNorm1d", 0, 0, 100),
        "number": slider("batch number", 1, 1, 20),
    }

    def adjust(panel: Panel) -> None:
        of_dropout = panel.values["layer"] == "Dropout"
        panel.controls["p"].disabled = not of_dropout
        panel.controls["seen"].disabled = of_dropout

    return Panel("Train mode and eval mode", controls, _mode, adjust=adjust)


def _mode(layer: str, mode: str, p: float, seen: int, number: int) -> Answer:
    if layer == "Dropout":
        X = torch.ones(_ROWS, _COLUMNS)
        output = dropout(X, p, number) if mode == "train" else nn.Dropout(p).eval()(X)
        words = f"{int((output == 0).sum())} of {X.numel()} numbers became 0, the others were divided by {1 - p:.1f}"
        words = words if mode == "train" else "nothing happens"
        words += f"; the mean was 1 and is {output.mean():.2f}"
    else:
        X = batch(number)
        batch_norm = nn.BatchNorm1d(_COLUMNS)
        with torch.no_grad():
            for earlier in range(1, seen + 1):
                batch_norm(batch(1000 + earlier))
            output = batch_norm.train(mode == "train")(X)
        source = "this batch itself" if mode == "train" else f"the running average over {seen} batches"
        means = ", ".join(f"{round(mean, 1) + 0.0:.1f}" for mean in output.mean(dim=0).tolist())
        words = f"mean and variance come from {source}; the columns now have the means {means}"
    tables = value_tables({"input": X, f"output in {mode} mode": output})
    place(tables, (0.06, 0.14, 0.44, 0.76), (0.545, 0.14, 0.44, 0.76))
    return tables, f"{layer} in {mode} mode: {words}. {describe(tables[1])}"


def dropout(X: Tensor, p: float, seed: int) -> Tensor:
    """What `nn.Dropout(p)` does in train mode, but drawn from a generator of its own, not from the common one."""
    kept = torch.rand(X.shape, generator=torch.Generator().manual_seed(seed)) >= p
    return X * kept / (1 - p)


def batch(number: int) -> Tensor:
    """A batch of four examples with six features, each feature with a mean and a spread of its own: [4, 6]."""
    X = torch.randn(_ROWS, _COLUMNS, generator=torch.Generator().manual_seed(number))
    return X * torch.tensor([1.0, 2.0, 2.0, 0.5, 0.5, 3.0]) + torch.tensor([0.0, 3.0, -2.0, 5.0, -4.0, 1.0])


def own_copy(model: nn.Module) -> nn.Module:
    """The network a second time, around the same weights, in eval mode and without hooks."""
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    copied = copy.deepcopy(model, shared).eval()
    for module in copied.modules():
        for hooks in (module._forward_hooks, module._forward_pre_hooks):
            hooks.clear()
    return copied


@torch.no_grad()
def steps_of(model: nn.Module, x: Tensor) -> list[Step]:
    """The input, and what each layer makes of it, in the order in which they are called.

    Shapes: x [1, ...]; the model is one of `own_copy`.
    """
    steps = [Step("input", x, 0)]

    def note(layer: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor):
            parameters = sum(parameter.numel() for parameter in layer.parameters())
            steps.append(Step(type(layer).__name__, output.cpu(), parameters))

    layers = [module for module in model.modules() if not list(module.children())]
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        model(x.to(device_of(model)))
    finally:
        for handle in handles:
            handle.remove()
    return steps
