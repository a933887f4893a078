"""The register: registration, draw, decisions, verification."""
