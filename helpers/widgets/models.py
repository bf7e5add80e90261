"""Widgets of notebook 3: an image on its way through a network, and what train and eval mode change."""

from __future__ import annotations

import copy
from collections import OrderedDict
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
    """One layer applied to one sample: its name, its output [1, ...], and its number of parameters."""

    name: str
    output: Tensor
    parameters: int = 0


def layer_explorer(models: Mapping[str, nn.Module], X: Tensor, *, classes: Sequence[str] | None = None) -> Panel:
    """Follow one image through a network, layer by layer: the shape, the values, and the parameters.

    The networks are used in eval mode and without gradients; they themselves stay as they are, modes and hooks too.
    Their weights are the live ones.

    Shapes: X [N, ...], the samples to choose from. classes: names for the last outputs.
    """
    lengths = {name: len(steps_of(model, X[:1])) for name, model in models.items()}  # a misfit is an error in the cell
    controls = {"network": choice("network", list(models)), "layer": slider("layer (0 is the input)", 0, 0, 1)}
    if len(X) > 1:
        controls["example"] = slider("image number", 0, 0, len(X) - 1)

    def adjust(panel: Panel) -> None:
        panel.controls["layer"].max = lengths[panel.values["network"]] - 1

    def answer(network: str, layer: int, example: int = 0) -> Answer:
        steps = steps_of(models[network], X[example : example + 1])
        output = steps[layer].output[0]
        if not output.isfinite().all():
            raise RefusalError(
                f"Expected finite numbers after {steps[layer].name}: received NaN or infinity. "
                "Look for the layer where they begin."
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
    """Switch Dropout and BatchNorm1d between train and eval mode, and see what each does to a table of numbers."""
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
        dropped = f"{int((output == 0).sum())} of {X.numel()} numbers became 0, the others were divided by {1 - p:.1f}"
        words = f"{dropped if mode == 'train' else 'nothing happens'}; the mean was 1 and is {output.mean():.2f}"
    else:
        X = batch_of(number)
        batch_norm = nn.BatchNorm1d(_COLUMNS)
        with torch.no_grad():
            for earlier in range(1, seen + 1):
                batch_norm(batch_of(1000 + earlier))
            output = batch_norm.train(mode == "train")(X)
        source = "this batch itself" if mode == "train" else f"the running average over {seen} batches"
        means = ", ".join(f"{round(mean, 1) + 0.0:.1f}" for mean in output.mean(dim=0).tolist())
        words = f"mean and variance come from {source}; the columns now have the means {means}"
    tables = value_tables({"input": X, f"output in {mode} mode": output})
    place(tables, (0.06, 0.14, 0.44, 0.76), (0.545, 0.14, 0.44, 0.76))
    return tables, f"{layer} in {mode} mode: {words}. {describe(tables[1])}"


def dropout(X: Tensor, p: float, seed: int) -> Tensor:
    """`nn.Dropout(p)` in train mode, with a generator of its own, so that the global one stays as it is."""
    kept = torch.rand(X.shape, generator=torch.Generator().manual_seed(seed)) >= p
    return X * kept / (1 - p)


def batch_of(seed: int) -> Tensor:
    """A batch of four samples with six features, each with its own mean and standard deviation: [4, 6]."""
    X = torch.randn(_ROWS, _COLUMNS, generator=torch.Generator().manual_seed(seed))
    return X * torch.tensor([1.0, 2.0, 2.0, 0.5, 0.5, 3.0]) + torch.tensor([0.0, 3.0, -2.0, 5.0, -4.0, 1.0])


def eval_twin(module: nn.Module) -> nn.Module:
    """A second module in eval mode around the very same weights and buffers, without hooks.

    Jupyter may answer the browser while a cell is still training. Switching the learner's own model to eval mode and
    back would then change that training. A deep copy would not do: it refuses a model that keeps its activations.
    """
    twin = copy.copy(module)
    twin._modules = {name: part if part is None else eval_twin(part) for name, part in module._modules.items()}
    twin._forward_hooks, twin._forward_pre_hooks = OrderedDict(), OrderedDict()
    twin.training = False
    return twin


@torch.no_grad()
def steps_of(model: nn.Module, x: Tensor) -> list[Step]:
    """The input, and the output of each layer, in the order in which they are called. Shapes: x [1, ...]."""
    twin, steps = eval_twin(model), [Step("input", x.cpu())]

    def note(layer: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor):
            parameters = sum(parameter.numel() for parameter in layer.parameters())
            steps.append(Step(type(layer).__name__, output.cpu(), parameters))

    for module in twin.modules():
        if not list(module.children()):
            module.register_forward_hook(note)
    twin(x.to(device_of(model)))
    return steps
