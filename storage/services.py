"""The service catalogue that ships with the project: which business promises what and needs
whom."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from schemas.work import InspectionService, Service, Services

CATALOGUE = Path(__file__).with_name("catalogue")


@cache
def services() -> Services:
    """Reads the catalogue once a process; a file that is not sound stops the start."""
    given: dict[str, Any] = yaml.safe_load((CATALOGUE / "services.yaml").read_text("utf-8"))
    inspection = dict(given["inspection"])
    lead_days = inspection.pop("lead_days")
    minutes = inspection.pop("duration_minutes")
    return Services(
        version=given["version"],
        kinds=msgspec.convert(given["kinds"], dict[str, Service]),
        lead_days=lead_days,
        inspection_minutes=minutes,
        inspections=msgspec.convert(inspection, dict[str, InspectionService]),
    )
