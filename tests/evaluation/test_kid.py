"""The distance of two sets, against values that are known."""

import numpy as np
import pytest

from animegan_tf.evaluation.kid import kid, squared_mmd


def gaussian(n, d, shift=0.0, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)) + shift


def expected_of_shifted_gaussians(d, shift):
    """MMD^2 of N(0, I) and N(shift, I) from the moments of a . b, worked out by hand."""
    m = d * shift**2  # The squared length of the shift.
    within_x = 1 + 3 / d
    across = 1 + 3 * (d + m) / d**2
    third = (m**3 + 3 * m**2 + 3 * (m**2 + m * d + 2 * m)) / d**3
    within_y = 1 + 3 * m / d + 3 * (d + 2 * m + m**2) / d**2 + third
    return within_x + within_y - 2 * across


@pytest.mark.parametrize("d, shift", [(1, 1.0), (2, 0.5), (8, 0.7), (64, 0.3)])
def test_shifted_gaussians_have_the_analytic_distance(d, shift):
    x, y = gaussian(24000, d), gaussian(24000, d, shift, seed=1)
    found = kid(x, y, subset_size=400, subsets=60)
    expected = expected_of_shifted_gaussians(d, shift)
    error = found.deviation / np.sqrt(found.subsets)
    assert abs(found.mean - expected) < 4 * error + 1e-3
    assert found.mean == pytest.approx(expected, rel=0.15)


def test_the_estimate_has_no_bias_for_few_pictures():
    values = [
        squared_mmd(gaussian(5, 4, seed=2 * i), gaussian(5, 4, seed=2 * i + 1)) for i in range(2000)
    ]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))


def test_a_set_is_at_no_distance_from_itself():
    x = gaussian(2000, 16)
    far = kid(x, gaussian(2000, 16, 0.5, seed=1)).mean
    assert abs(kid(x, x).mean) < 0.02 * far


def test_the_distance_is_symmetric():
    x, y = gaussian(60, 8), gaussian(90, 8, 0.5, seed=1)
    assert squared_mmd(x, y) == pytest.approx(squared_mmd(y, x), rel=1e-12)
    one, other = kid(x, y), kid(y, x)
    assert one.mean == pytest.approx(other.mean, abs=one.deviation)


def test_the_result_says_what_it_was_measured_on():
    found = kid(gaussian(40, 4), gaussian(1000, 4), subsets=7)
    assert (found.counts, found.subsets, found.subset_size) == ((40, 1000), 7, 30)
    assert kid(gaussian(500, 4), gaussian(500, 4)).subset_size == 100
    assert found == kid(gaussian(40, 4), gaussian(1000, 4), subsets=7)


def test_nonsense_is_refused():
    x = gaussian(10, 4)
    with pytest.raises(ValueError, match="subsets of 0"):
        kid(x[:1], x)
    with pytest.raises(ValueError, match="two lengths"):
        kid(x, gaussian(10, 5))
    with pytest.raises(ValueError, match="not a number"):
        kid(x, x * np.nan)
