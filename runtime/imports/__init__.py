"""Import of what companies have: read, judged row by row, then saved in one transaction."""

from runtime.imports.region import Progress, Region, read_region
from runtime.imports.save import DueOn, save

__all__ = ["DueOn", "Progress", "Region", "read_region", "save"]
