"""How many comparisons to believe."""

from __future__ import annotations

import numpy as np
import pytest

from lsp_analysis.standing.comparison.verdict import adjust_p


def test_benjamini_and_hochbergs_example_keeps_its_four_discoveries():
    # Their 15 p-values (1995, section 3.2): four are discoveries at 5%.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert (adjust_p(p) <= 0.05).sum() == 4
    assert (adjust_p(p, method="holm") <= 0.05).sum() == 3


def test_missing_p_values_do_not_count():
    adjusted = adjust_p([0.01, np.nan, 0.04])
    assert adjusted[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(adjusted[1])
    assert np.isnan(adjust_p([np.nan])).all()
