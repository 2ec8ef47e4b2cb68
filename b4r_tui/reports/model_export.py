"""The facts about an exported model file."""

from __future__ import annotations

from typing import Any


def facts(record: dict[str, Any]) -> dict[str, str]:
    """Return what was written and how it was verified, by label."""
    return {
        "file": f"{record['file']} ({record['bytes'] / 1e6:,.2f} MB)",
        "model": f"{record['experiment']}, {record['checkpoint']}",
        "input": f"up to {record['longest_history']:,} item IDs, vocabulary {record['items']:,}",
        "verified": checked(record["checked"]),
    }


def checked(check: dict[str, Any]) -> str:
    """Return the check in words: `onnxruntime reproduces torch's scores, largest difference 1.2e-07 (…)`."""
    shapes = ", ".join(f"{rows} x {length}" for rows, length in check["shapes"])
    if not check["allowed"]:
        return f"{check['against']} reproduces the scores exactly ({shapes})"
    return (
        f"{check['against']} reproduces torch's scores, largest difference {check['difference']:.1e} "
        f"(allowed {check['allowed']:.0e}; {shapes})"
    )
