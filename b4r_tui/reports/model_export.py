"""What an exported model file holds, in words."""

from __future__ import annotations

from typing import Any


def facts(record: dict[str, Any]) -> dict[str, str]:
    """What was written and how it was checked, by label."""
    return {
        "file": f"{record['file']} ({record['bytes'] / 1e6:,.2f} MB)",
        "model": f"{record['experiment']}, {record['checkpoint']}",
        "takes": f"histories of up to {record['longest_history']:,} of {record['items']:,} items",
        "checked": checked(record["checked"]),
    }


def checked(check: dict[str, Any]) -> str:
    """The check in words, such as `onnxruntime gives torch's scores, largest difference 1.2e-07 of 1e-04 allowed`."""
    shapes = ", ".join(f"{rows} x {length}" for rows, length in check["shapes"])
    if not check["allowed"]:
        return f"{check['against']} gives the very same scores ({shapes})"
    return (
        f"{check['against']} gives torch's scores, largest difference {check['difference']:.1e} of "
        f"{check['allowed']:.0e} allowed ({shapes})"
    )
