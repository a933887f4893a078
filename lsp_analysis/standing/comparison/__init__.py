"""An area beside others: rates with intervals, contrasts, ranks, funnels."""
