"""The paths of gradient descent: what is drawn, what is said, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from helpers.plotting import descent_on_contours, descent_on_curve, describe

W = torch.linspace(-2, 2, 41)
NEAR = [[-1.0, 1.0, -2.0], [0.5, 0.25, 1.0]]  # w, loss w², slope 2w
FAR = [[-1.0, 1.0, -2.0], [1.5, 2.25, 3.0], [-3.0, 9.0, -6.0], [1.0, 1.0, 2.0]]
U, V = torch.linspace(-3, 3, 7), torch.linspace(-2, 2, 5)
BOWL = U[None, :] ** 2 + 5 * V[:, None] ** 2
BOWL_PATH = [[-2.0, 1.0, 9.0], [1.0, -0.5, 2.25]]


def _line(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def test_a_curve_its_path_and_its_ends():
    (ax,) = descent_on_curve(W, W**2, {"lr 0.75": NEAR})
    assert np.allclose(ax.lines[0].get_xydata(), np.column_stack([W, W**2]))
    assert np.allclose(_line(ax, "path").get_xydata(), [[-1, 1], [0.5, 0.25]])
    assert np.allclose(_line(ax, "start").get_xydata(), [[-1, 1]])
    assert np.allclose(_line(ax, "end").get_xydata(), [[0.5, 0.25]])
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("w", "loss", "lr 0.75")


def test_tangents_go_through_the_first_points_with_their_slopes():
    (ax,) = descent_on_curve(W, W**2, {"lr": FAR})
    tangents = [line.get_xydata() for line in ax.lines if line.get_linestyle() == "--"]
    assert len(tangents) == 3
    for (start, end), (w, loss, slope) in zip(tangents, FAR[:3], strict=True):
        assert np.allclose((start + end) / 2, [w, loss])
        assert np.isclose((end - start)[1] / (end - start)[0], slope)


@pytest.mark.parametrize(("steps", "drawn"), [((), []), ((3,), [3]), ((0, 2, 9), [0, 2])])
def test_tangents_are_drawn_at_the_steps_asked_for(steps, drawn):
    (ax,) = descent_on_curve(W, W**2, {"lr": FAR}, tangents=steps)
    tangents = [line.get_xydata() for line in ax.lines if line.get_linestyle() == "--"]
    assert np.allclose([(start + end) / 2 for start, end in tangents], [FAR[step][:2] for step in drawn] or 0)


def test_the_sentence_of_a_curve_says_where_each_path_led():
    axes = descent_on_curve(W, W**2, {"lr 0.75": NEAR, "lr 1.25": FAR})
    assert describe(axes) == (
        "Each path leads from the square to the star; dashed lines are tangents. "
        "lr 0.75, 1 step from w -1 to 0.5, loss 1 to 0.25. "
        "lr 1.25, 3 steps from w -1 to 1, loss 1 to 1, out of the picture at step 2."
    )


@pytest.mark.parametrize("outside", [[2, 4, 0], [-2, 1, 0], [4, 1, 0]], ids=["above", "left", "right"])
def test_a_point_beside_or_above_the_curve_is_out_of_the_picture(outside):
    axes = descent_on_curve([-1, 0, 3], [1, 0, 2], {"lr": [[0, 0, 0], outside]})
    assert describe(axes).endswith("out of the picture at step 1.")


@pytest.mark.parametrize("outside", [[4, 0, 9], [-4, 0, 9], [0, 3, 9], [0, -3, 9]])
def test_a_point_beside_the_contours_is_out_of_the_picture(outside):
    axes = descent_on_contours(U, V, BOWL, {"lr": [[0, 0, 0], outside]})
    assert describe(axes).endswith("out of the picture at step 1.")
    assert (axes[0].get_xlim(), axes[0].get_ylim()) == ((-3, 3), (-2, 2))


def test_contours_their_path_and_its_ends():
    (ax,) = descent_on_contours(U, V, BOWL, {"lr 0.75": BOWL_PATH})
    assert np.allclose(_line(ax, "path").get_xydata(), [[-2, 1], [1, -0.5]])
    assert np.allclose(_line(ax, "start").get_xydata(), [[-2, 1]])
    assert np.allclose(_line(ax, "end").get_xydata(), [[1, -0.5]])
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("u", "v", "lr 0.75")


def test_contours_run_where_the_loss_has_their_level():
    (ax,) = descent_on_contours(U, V, 2 * U[None, :] + V[:, None], {"lr": BOWL_PATH})  # a plane, drawn exactly
    contours = ax.collections[0]
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        assert np.allclose(2 * path.vertices[:, 0] + path.vertices[:, 1], level)


def test_the_sentence_of_contours_says_where_each_path_led():
    axes = descent_on_contours(U, V, BOWL, {"a": BOWL_PATH, "b": [*BOWL_PATH, [0.0, 2.5, 31.25]]})
    assert describe(axes) == (
        "Each path leads from the square to the star; darker contours have lower loss. "
        "a, 1 step from (-2, 1) to (1, -0.5), loss 9 to 2.25. "
        "b, 2 steps from (-2, 1) to (0, 2.5), loss 9 to 31.2, out of the picture at step 2."
    )


def test_darker_contours_have_lower_loss():
    (ax,) = descent_on_contours(U, V, BOWL, {"a": BOWL_PATH})
    contours = ax.collections[0]
    brightness = contours.to_rgba(contours.get_array())[:, :3].sum(axis=1)
    assert len(brightness) > 3
    assert (np.diff(contours.get_array()) > 0).all()
    assert (np.diff(brightness) > 0).all()


def test_contours_are_denser_where_the_loss_is_low():
    (ax,) = descent_on_contours(U, V, BOWL, {"a": BOWL_PATH})
    assert (np.diff(ax.collections[0].levels, n=2) > 0).all()


def test_all_panels_show_the_same_part_of_the_curve():
    axes = descent_on_curve(W, W**2, {"near": NEAR, "far": FAR})
    assert len({(*ax.get_xlim(), *ax.get_ylim()) for ax in axes}) == 1


@pytest.mark.parametrize("draw", [descent_on_curve, descent_on_contours])
class TestBoth:
    def _draw(self, draw, paths, **options):
        grid = (W, W**2) if draw is descent_on_curve else (U, V, BOWL)
        return draw(*grid, paths, **options)

    def test_the_same_axes_are_returned(self, draw):
        _, given = plt.subplots(1, 2)
        drawn = self._draw(draw, {"a": NEAR, "b": NEAR}, axes=given)
        assert all(one is other for one, other in zip(drawn, given, strict=True))

    def test_a_square_where_it_starts_and_a_star_where_it_ends(self, draw):
        (ax,) = self._draw(draw, {"a": NEAR})
        assert [_line(ax, end).get_marker() for end in ("start", "end")] == ["s", "*"]

    def test_on_a_dark_figure_the_start_is_light(self, draw):
        with plt.style.context("dark_background"):
            _, ax = plt.subplots()
        self._draw(draw, {"a": NEAR}, axes=ax)
        assert _line(ax, "start").get_color() == "white"

    def test_one_scale_for_all_panels_written_once(self, draw):
        left, right = self._draw(draw, {"a": NEAR, "b": NEAR})
        assert left.get_shared_y_axes().joined(left, right)
        left.figure.canvas.draw()
        written = [[text.get_visible() for text in ax.get_yticklabels()] for ax in (left, right)]
        assert (any(written[0]), any(written[1])) == (True, False)

    def test_a_tensor_with_a_gradient_is_drawn_too(self, draw):
        (ax,) = self._draw(draw, {"a": torch.tensor(NEAR, requires_grad=True)})
        assert len(_line(ax, "path").get_xydata()) == 2

    def test_no_path(self, draw):
        with pytest.raises(ValueError, match="at least one path to draw: received none"):
            self._draw(draw, {})

    def test_a_path_of_another_shape(self, draw):
        with pytest.raises(ValueError, match=r"'lr 1' of shape \[steps \+ 1, 3\]: received \[2, 2\]"):
            self._draw(draw, {"lr 1": [[0, 1], [1, 2]]})

    def test_a_path_that_is_not_finite(self, draw):
        with pytest.raises(ValueError, match="1 of 3 are NaN or infinite"):
            self._draw(draw, {"lr 1": [[0.0, 1.0, float("inf")]]})

    def test_other_than_one_axes_a_path(self, draw):
        with pytest.raises(ValueError, match="one Axes per path: 1 needed, 2 received"):
            self._draw(draw, {"a": NEAR}, axes=plt.subplots(1, 2)[1])


def test_a_curve_of_unequal_lengths():
    with pytest.raises(ValueError, match="one loss per w: 41 w, 40 losses"):
        descent_on_curve(W, W[1:], {"a": NEAR})


def test_a_loss_of_another_shape_than_its_grid():
    with pytest.raises(ValueError, match=r"shape \[V, U\]: 5 v, 7 u, received \[7, 5\]"):
        descent_on_contours(U, V, BOWL.T, {"a": BOWL_PATH})
