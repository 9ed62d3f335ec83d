"""Import of what companies have: read, judged row by row, then saved in one transaction."""

from runtime.imports.region import Progress, Reached, Region, read_region
from runtime.imports.save import save

__all__ = ["Progress", "Reached", "Region", "read_region", "save"]
