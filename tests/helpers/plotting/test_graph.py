"""The computational graph: what is found by walking from a tensor, and what is drawn of it."""

import pytest
import torch
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from helpers.plotting import graph_picture
from helpers.plotting.graph import Graph, Node, computational_graph, draw_graph


@pytest.fixture
def layer():
    x, y = torch.ones(5), torch.zeros(3)
    w, b = torch.ones(5, 3, requires_grad=True), torch.ones(3, requires_grad=True)
    return binary_cross_entropy_with_logits(x @ w + b, y), {"x": x, "w": w, "b": b, "y": y}


def _edges(graph):
    """Edges by the labels of their ends, sorted."""
    return sorted(f"{graph.nodes[source].label} > {graph.nodes[user].label}" for source, user in graph.edges)


def _labels(graph, role):
    return [node.label for node in graph.nodes if node.role == role]


def _variable(value=1.0):
    return torch.tensor(value, requires_grad=True)


def test_one_layer_edge_by_edge(layer):
    graph = computational_graph(*layer)
    assert ", ".join(_edges(graph)) == (
        "add > binary cross entropy with logits, add to b.grad > add, add to w.grad > matrix product, "
        "b [3] > add to b.grad, binary cross entropy with logits > loss [], matrix product > squeeze, squeeze > add, "
        "w [5, 3] > add to w.grad, x [5] > matrix product, y [3] > binary cross entropy with logits"
    )
    assert _labels(graph, "constant") == ["y [3]", "x [5]"]


def test_a_shared_subexpression_and_a_shared_leaf_are_one_node_each():
    a = _variable()
    shared = a.exp()
    assert ", ".join(_edges(computational_graph(shared * (shared + a), {"a": a}))) == (
        "a [] > add to a.grad, add > multiply, add to a.grad > add, add to a.grad > exp, exp > add, exp > multiply, "
        "multiply > loss []"
    )


@pytest.mark.parametrize("cut", [torch.no_grad, torch.inference_mode])
def test_a_branch_without_gradients_is_a_constant_only_where_it_is_kept(cut):
    a, b = _variable(), _variable()
    with cut():
        hidden = b.exp()
    tensors = {"a": a, "b": b, "hidden": hidden}
    assert [node.label for node in computational_graph(a + hidden, tensors).nodes[2:]] == ["a []", "add to a.grad"]
    if cut is torch.no_grad:  # an inference tensor cannot be kept
        assert _labels(computational_graph(a * hidden * hidden, tensors), "constant") == ["hidden []"]


def test_after_backward_the_kept_tensors_are_gone_and_the_operations_stay(layer):
    loss, tensors = layer
    loss.backward()
    graph = computational_graph(loss, tensors)
    assert [len(_labels(graph, role)) for role in ("constant", "operation", "leaf")] == [0, 4, 2]


def test_frozen_parameters_and_those_without_a_name():
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
    model[0].requires_grad_(False)
    loss = model(torch.ones(2, 5)).sum()
    named = computational_graph(loss, dict(model.named_parameters()))
    assert sorted(_labels(named, "leaf")) == ["2.bias [3]", "2.weight [3, 4]"]
    assert sorted(_labels(computational_graph(loss, {}), "leaf")) == ["unnamed [3, 4]", "unnamed [3]"]


def test_a_long_chain_is_no_deep_recursion():
    out = a = _variable()
    for _ in range(3000):
        out = out + 1
    assert len(computational_graph(out, {"a": a}).nodes) == 3003


def test_only_operations_are_renamed():
    nodes = [Node("leaf", "t", "= 3"), Node("operation", "TBackward0", "= 4"), Node("result", "T")]
    texts = [text.get_text() for text in draw_graph(Graph(nodes, [(0, 1), (1, 2)])).texts[2:]]
    assert texts == ["t = 3", "transpose = 4", "T"]


def _arrows(ax):
    return [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]


def test_arrows_lead_from_what_is_computed_first_to_what_uses_it(layer):
    ax = graph_picture(*layer)
    places = [text.get_position() for text in ax.texts[2:]]
    for arrow, (source, user) in zip(_arrows(ax)[2:], computational_graph(*layer).edges, strict=True):
        start, end = arrow._path_original.vertices[[0, -1]]
        assert (abs(start - places[source]) < 1).all()
        assert (abs(end - places[user]) < 1).all()
        assert places[source][1] > start[1] > end[1] > places[user][1]
    for arrow, word, down in zip(_arrows(ax), ax.texts, (True, False), strict=False):  # forward down, backward up
        (x, start), (_, end) = arrow._path_original.vertices
        assert (start > end) == down
        assert x == word.get_position()[0]


def _tangle():
    a, b = _variable(3.0), _variable(2.0)
    c = a * b
    d = (c + a).exp() * c
    return d * d + a, {"a": a, "b": b}


def _wide():
    leaves = {f"a_long_name_{i}": torch.ones(2, 3, requires_grad=True) for i in range(8)}
    return torch.stack(list(leaves.values())), leaves


@pytest.mark.parametrize("make", [_tangle, _wide])
def test_boxes_hold_their_text_and_stay_on_the_page_apart_from_each_other_and_from_arrows(make):
    ax = graph_picture(*make())
    ax.figure.canvas.draw()
    page, frames = ax.figure.bbox, [p.get_window_extent() for p in ax.patches if isinstance(p, FancyBboxPatch)]
    assert not any(one.overlaps(other) for i, one in enumerate(frames) for other in frames[:i])
    for frame, text in zip(frames, ax.texts[2:], strict=True):
        words = text.get_window_extent()
        assert page.x0 <= frame.x0 <= words.x0 < words.x1 <= frame.x1 <= page.x1
    paths = [arrow._path_original for arrow in _arrows(ax)]
    assert len({path.vertices.tobytes() for path in paths}) == len(paths)  # two between the same boxes lie side by side
    for path in paths:
        for frame in frames:
            inner = frame.padded(-2)  # an arrow touches the frames of its two ends
            points = ax.transData.transform_path(path).interpolated(50).vertices
            assert not any(inner.contains(*point) for point in points)
