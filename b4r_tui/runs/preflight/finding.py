"""What a pre-flight finds: a setting, a sentence with the mend, and whether it stops the launch."""

from __future__ import annotations

from dataclasses import dataclass

from engine.contract.errors import ExitCode


@dataclass(frozen=True)
class Finding:
    """code: what the launch ends with; None for a warning, with which it goes on."""

    key: str
    sentence: str
    code: ExitCode | None = None

    @property
    def stops(self) -> bool:
        """Whether the launch must not go on."""
        return self.code is not None


def in_gb(count: float) -> str:
    """Bytes for people, in GB."""
    return f"{count / 1e9:.3g} GB"
