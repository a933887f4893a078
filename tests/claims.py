"""Words that claim a cause, which no sentence on a design below Maryland level 4 may hold."""

from __future__ import annotations

import re

_CAUSAL = re.compile(
    r"\b((?<!all )(?<!all-)causes?(?! of death)|caus(?:ed|ing|al|ally)|"
    r"because of|due to|owing to|thanks to|led to|leads to|"
    r"result(?:s|ed|ing)? in|brought about|made possible by|prov(?:es|ed|en)|attributable to)\b",
    re.IGNORECASE,
)


def causal_words(text: str) -> list[str]:
    """Words of `text` that claim a cause; a sentence below Maryland level 4 has none."""
    return [match.group(0) for match in _CAUSAL.finditer(text)]
