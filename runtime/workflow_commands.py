"""`doorstep workflow check`, `draw` and `load`."""

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec
import yaml
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import casework
from commitments.casework import SHIPPED
from commitments.drawing import draw
from commitments.workflow import Workflow, faults, read_workflow
from runtime.ambient import live
from runtime.database import asked
from schemas.access import Principal
from schemas.problems import Refusal
from schemas.workflow import WorkflowShown, WorkflowWish
from storage.catalogue import CATALOGUE


def register(words: Any) -> None:
    """Adds the words."""
    group = words.add_parser("workflow", help="check or draw a connection workflow")
    inner = group.add_subparsers(dest="deed", required=True)
    load = inner.add_parser("load", help="publish a workflow for this unit")
    load.add_argument("file", type=Path)
    load.set_defaults(run=_load)
    for word, run in (("check", _check), ("draw", _draw)):
        deed = inner.add_parser(word)
        deed.add_argument("file", type=Path, nargs="?", help="a workflow as YAML; else our own")
        deed.set_defaults(run=run)
        if word == "draw":
            deed.add_argument("--out", type=Path, help="where the SVG goes; else it is printed")


def _load(given: argparse.Namespace) -> int:
    try:
        wish = msgspec.convert(yaml.safe_load(given.file.read_text("utf-8")), WorkflowWish)
    except FileNotFoundError as error:
        raise Refusal("file_missing", file=given.file.name) from error
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise Refusal("file_unreadable", file=given.file.name, reason=str(error)) from error

    async def published(engine: AsyncEngine, unit_id: str) -> WorkflowShown:
        who = Principal(unit_id=unit_id, role="administrator", name="command line")
        return await casework.publish(engine, who, wish=wish, ambient=live())

    print(msgspec.json.encode(asked(published)).decode())
    return 0


def _read(file: Path | None) -> Workflow:
    path = file or CATALOGUE / "workflows" / f"{SHIPPED}.yaml"
    try:
        return read_workflow(path.stem, yaml.safe_load(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise Refusal("file_missing", file=path.name) from error
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refusal("file_unreadable", file=path.name) from error


def _check(given: argparse.Namespace) -> int:
    workflow = _read(given.file)
    found = faults(workflow)
    for each in found:
        print(f"{each.weight:>7}  {each.step:<6} {each.fault}")
    errors = sum(each.weight == "error" for each in found)
    counted = {"workflow": workflow.name, "steps": len(workflow.steps), "errors": errors}
    print(json.dumps({**counted, "warnings": len(found) - errors}, ensure_ascii=False))
    return 1 if errors else 0


def _draw(given: argparse.Namespace) -> int:
    picture = draw(_read(given.file))
    if given.out is None:
        print(picture, end="")
        return 0
    given.out.write_text(picture, "utf-8")
    print(json.dumps({"file": given.out.name, "bytes": len(picture.encode())}))
    return 0
