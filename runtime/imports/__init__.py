"""Import of what companies have: read, judged row by row, then saved in one transaction."""

from runtime.imports.region import Progress, Reached, Region, read_region
from runtime.imports.save import DueOn, save

__all__ = ["DueOn", "Progress", "Reached", "Region", "read_region", "save"]
