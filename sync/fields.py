"""Answers into a record, field by field: which values live on, which one counts, what a person
must see."""

import msgspec

from schemas.sync import Authorship, FieldValue, Mark, Operation, RecordState, Rival
from schemas.template import Item
from sync.decision import Captured, Danger, Disagreement, Lost, Named, Result, Said, Step
from sync.policies import Live, pick, replaces
from sync.template import GRADE_NAMES, OTHER, files_in, policy_of, severity, statutory


def mark_of(record: RecordState, version: int) -> Mark:
    """Who wrote a version of a record; the office where nothing is on file."""
    found = record.authors.marks.get(version)
    return found or Mark(by="office", who="office", n=0, at_ms=0, trust="verified")


def with_fields(
    record: RecordState,
    version: int,
    *,
    fields: dict[str, FieldValue],
    touched: dict[str, int],
    mark: Mark,
) -> RecordState:
    """The record at a new version, with who wrote it."""
    versions = {**record.versions, **touched}
    marks = {**record.authors.marks, version: mark}
    return RecordState(
        id=record.id,
        kind=record.kind,
        visit_id=record.visit_id,
        premises_id=record.premises_id,
        version=version,
        fields=fields,
        versions=versions,
        authors=_trimmed(marks, versions, rivals=record.authors.rivals, version=version),
        deleted=record.deleted,
    )


def _trimmed(
    marks: dict[int, Mark],
    versions: dict[str, int],
    *,
    rivals: dict[str, list[Rival]],
    version: int,
) -> Authorship:
    # only marks that something still stands on, and the first: who made the record
    wanted = {
        1,
        version,
        *versions.values(),
        *(r.version for live in rivals.values() for r in live),
    }
    return Authorship(
        marks={each: mark for each, mark in marks.items() if each in wanted}, rivals=rivals
    )


class Answers:
    """One set of answers into one record, field by field."""

    def __init__(
        self,
        record: RecordState,
        items: dict[str, Item],
        *,
        mark: Mark,
        operation: Operation | None,
        base: dict[str, int],
    ) -> None:
        self.record = record
        self.items = items
        self.mark = mark
        self.operation = operation
        self.base = base
        self.version = record.version + 1
        self.fields = dict(record.fields)
        self.touched: dict[str, int] = {}
        self.rivals = dict(record.authors.rivals)
        self.lost: list[Lost] = []
        self.conflicts: list[Disagreement] = []
        self.merged = False
        self.grades: dict[str, int] = {}

    def run(self, fields: dict[str, FieldValue], captured: Captured | None = None) -> Step:
        """Merges every field and says what became of the whole."""
        changed = [self._field(field, value) for field, value in fields.items()]
        operation_id = self.operation.id if self.operation else self.record.id
        opened = [each for each in self.conflicts if each.open]
        outcome = "conflict" if opened else "merged" if self.merged else "applied"
        # what is made before anything is said of it is made all the same
        if self.record.version and not any(changed):
            result = Result(id=operation_id, outcome="merged", version=self.record.version)
            return Step(result=result)
        authors = Authorship(marks=self.record.authors.marks, rivals=self.rivals)
        beneath = msgspec.structs.replace(self.record, authors=authors)
        now = with_fields(
            beneath, self.version, fields=self.fields, touched=self.touched, mark=self.mark
        )
        result = Result(
            id=operation_id,
            outcome=outcome,  # type: ignore[arg-type]
            code=opened[0].reason if opened else None,
            version=self.version,
        )
        return Step(
            result=result,
            record=now,
            lost=tuple(self.lost),
            disagreements=tuple(self.conflicts),
            dangers=self._dangers(fields, captured),
            files=self._files(fields),
        )

    def _field(self, field: str, value: FieldValue) -> bool:
        grade = self.grades[field] = severity(self.items, field, value=value)
        if field not in self.record.versions and field not in self.rivals:
            # the first word on a field: nothing to weigh
            self.fields[field] = value
            self.touched[field] = self.version
            return True
        live = self._live(field)
        policy = policy_of(self.items, self.record.kind, field=field) or "dispatcher_owns"
        new = Live(value=value, mark=self.mark, severity=grade)
        if any(
            (each.mark.by, each.mark.n) == (new.mark.by, new.mark.n) and each.value == value
            for _, each in live
        ):
            # this very word is here already
            return False
        kept: list[tuple[int, Live]] = []
        for version, old in live:
            if replaces(policy, new, old=old, seen=version <= self.base.get(field, 0)):
                self._lose(field, version, old=old, reason="replaced")
            else:
                kept.append((version, old))
        kept.append((self.version, new))
        chosen = pick(policy, [each for _, each in kept])
        before = self.fields.get(field)
        self.fields[field] = chosen.value
        # a word said again is the newer one's: who said it, and when, moves with it
        if before != chosen.value or len(kept) == 1:
            self.touched[field] = self.version
        if len(kept) > 1:
            self._beside(field, policy, kept=kept, open=chosen.open, notice=chosen.notice)
        else:
            self.rivals.pop(field, None)
        return True

    def _live(self, field: str) -> list[tuple[int, Live]]:
        rivals = self.rivals.get(field)
        if rivals is None:
            version = self.record.versions[field]
            rivals = [Rival(version=version, base=0, value=self.record.fields.get(field))]
        return [
            (
                each.version,
                Live(
                    value=each.value,
                    mark=mark_of(self.record, each.version),
                    severity=severity(self.items, field, value=each.value),
                ),
            )
            for each in rivals
        ]

    def _beside(
        self, field: str, policy: str, *, kept: list[tuple[int, Live]], open: bool, notice: bool
    ) -> None:
        self.merged = True
        base = self.base.get(field, 0)
        self.rivals[field] = [
            Rival(version=version, base=base if version == self.version else 0, value=each.value)
            for version, each in kept
        ]
        effective = self.fields[field]
        for version, each in kept:
            if each.value != effective and policy not in ("union_set",):
                self._lose(field, version, old=each, reason=f"outranked_by_{policy}")
        if open or notice:
            values = tuple(Said(value=e.value, version=v, mark=e.mark) for v, e in kept)
            self.conflicts.append(
                Disagreement(
                    record=self.record.id,
                    field=field,
                    policy=policy,
                    values=values,
                    open=open,
                    reason=policy,
                )
            )

    def _lose(self, field: str, version: int, *, old: Live, reason: str) -> None:
        self.lost.append(
            Lost(
                record=self.record.id,
                field=field,
                value=old.value,
                version=version,
                author=old.mark.who,
                reason=reason,
                operation=self.operation.id if self.operation else None,
                observed_at=None,
            )
        )

    def _dangers(
        self, fields: dict[str, FieldValue], captured: Captured | None
    ) -> tuple[Danger, ...]:
        if captured is None or self.record.kind not in ("visit", "hazard"):
            return ()
        if self.record.kind == "hazard":
            return self._made_here(captured)
        return tuple(
            Danger(
                record=self.record.id,
                item=field,
                grade=GRADE_NAMES[grade],
                statutory=statutory(self.items, field, value=fields[field]),
                found_at=captured.corrected_at,
                operation=captured.operation.id,
            )
            for field, grade in self.grades.items()
            if grade > 0 and field in self.items
        )

    def _made_here(self, captured: Captured) -> tuple[Danger, ...]:
        """A hazard that no question asks for is a hazard like any other."""
        grade = max(self.grades.get("grade", 0), 0)
        if not grade:
            return ()
        named = str(self.fields.get("item") or OTHER)
        found = Danger(
            record=self.record.id,
            # two of them at one place are two, whatever both are called
            item=f"{OTHER}:{self.record.id.hex[-8:]}" if named == OTHER else named,
            grade=GRADE_NAMES[grade],
            statutory=None,
            found_at=captured.corrected_at,
            operation=captured.operation.id,
            note=str(self.fields.get("note") or ""),
        )
        return (found,)

    def _files(self, fields: dict[str, FieldValue]) -> tuple[Named, ...]:
        return tuple(
            Named(record=self.record.id, field=field, sha256=each)
            for field, value in fields.items()
            for each in files_in(self.items, field, value=value)
        )
