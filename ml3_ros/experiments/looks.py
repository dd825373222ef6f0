"""What a method may look like in figures."""

from dataclasses import dataclass

INK = "#222222"


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodStyle:
    """How a method is drawn and called in every figure and table."""

    label: str
    color: str
    linestyle: str | tuple[int, tuple[float, ...]] = "-"
    linewidth: float = 1.6
    zorder: float = 3.0
    meaning: str = ""  # what it is, where the label does not tell


DASHED = (0, (5.0, 2.0))
DASH_DOT = (0, (5.0, 1.6, 1.2, 1.6))
DOTTED = (0, (1.4, 1.6))
