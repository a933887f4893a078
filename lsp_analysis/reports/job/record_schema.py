"""What a line of the manifest may hold: files come back from disk, and are checked before use."""

from __future__ import annotations

from typing import Any

_TEXT, _COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_NUMBERS = {"type": "array", "items": {"type": ["number", "null"]}, "maxItems": 2000}
FACTS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(("borough", "name", "title", "pilot", "restricted"), _TEXT),
        "counts": {"type": "object", "additionalProperties": _COUNT},
        **{key: {"type": ["integer", "null"]} for key in ("rank", "rank_of")},
        "themes": {"type": "array", "items": _TEXT},
        "pilot_size": {"type": ["number", "null"]},
        "spark": {
            "type": "object",
            "properties": {
                **dict.fromkeys(("name", "words"), _TEXT),
                "value": {"type": ["number", "null"]},
                "chart": {
                    "type": "object",
                    "required": ["type", "here", "label"],
                    "properties": {
                        "type": {"enum": ["spark"]},
                        "here": _NUMBERS,
                        "rest": _NUMBERS,
                        "label": _TEXT,
                    },
                },
            },
        },
    },
}
RECORD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name", "status", "area_code", "area_name", "area_kind", "template", "seal"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": r"^(?!\.)[^/\\\0]+$", "maxLength": 200},
        "seal": _DIGEST,
        "status": {"enum": ["made", "failed"]},
        **dict.fromkeys(("area_code", "area_name", "area_kind", "template"), _TEXT),
        **dict.fromkeys(("reason", "headline", "key"), _TEXT),
        **dict.fromkeys(("figures", "tables", "sentences"), _COUNT),
        "parameters": {"type": "object"},
        "run": {"type": "object"},
        "members": {"type": "array", "items": _TEXT},
        "facts": FACTS_SCHEMA,
        "versions": {"type": "object", "additionalProperties": _TEXT},
        "files": {
            "type": "object",
            "propertyNames": {"pattern": r"^(?!/)(?!.*\.\.)[^\0\\]+$"},
            "additionalProperties": _DIGEST,
        },
    },
}
_CLAIM = {
    "type": "object",
    "required": ["name", "path", "digest"],
    "properties": {"name": _TEXT, "path": _TEXT, "digest": _TEXT},
}
CLAIM_SCHEMA = {"type": "object", "required": ["study"], "properties": {"study": _CLAIM}}
NOTE_SCHEMA = {"type": "array", "items": [_CLAIM, _TEXT], "minItems": 2, "additionalItems": False}
