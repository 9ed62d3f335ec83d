"""Bad input of our domain: what only a field service can be told wrongly."""

from tests.api.bad_wire import ASSIGN, JSON, WISH

NONE = "019aaaaa-0000-7000-8000-000000000001"
NIL = "00000000-0000-0000-0000-000000000000"
CLOCK = {"sent_at": "2026-11-24T00:00:00Z", "uptime_ms": 1, "boot": NONE}


def did(who, path, body, code, status=422):
    return who, "POST", path, body, JSON, status, code


def office(path, body, code="invalid_field", status=422):
    return did("dispatcher", path, body, code, status)


def boss(path, body, code="invalid_field", status=422):
    return did("supervisor", path, body, code, status)


def tablet(path, body, code="invalid_field", status=422):
    return did("tablet", path, body, code, status)


def asked(path, code="invalid_field", status=422, who="dispatcher"):
    return who, "GET", path, None, {}, status, code


def upload(status=422, code="invalid_field", **headers):
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return "tablet", "POST", "/attachments", None, given, status, code


SHA = "sha256 " + "YQ=="
GOOD_SHA = "sha256 " + (
    "ZTNiMGM0NDI5OGZjMWMxNDlhZmJmNGM4OTk2ZmI5MjQyN2FlNDFlNDY0OWI5MzRjYTQ5NTk5MWI3ODUyYjg1NQ=="
)

DOMAIN = {
    # who comes in
    "a wrong password": did(
        "nobody", "/session", {"login": "agent", "password": "x"}, "sign_in_failed", 401),
    "an unknown login": did(
        "nobody", "/session", {"login": "nobody", "password": "x"}, "sign_in_failed", 401),
    "a renewal of nothing": did(
        "nobody", "/session/refresh", {"refresh": "x" * 43}, "not_signed_in", 401),
    "an enrolment code of three letters": did(
        "nobody", "/devices/enrol", {"code": "abc", "label": "t"}, "invalid_field"),
    "an enrolment code that is wrong": did(
        "nobody", "/devices/enrol", {"code": "ABCDEFGHIJKL", "label": "t"}, "enrolment_failed", 403),
    "a tablet called by spaces": did(
        "nobody", "/devices/enrol", {"code": "ABCDEFGHIJKL", "label": "   "}, "invalid_field"),
    "a code for nobody": office("/enrolment-codes", {"technician": NONE}, "not_found", 404),
    "a code for the nil person": office("/enrolment-codes", {"technician": NIL}, "not_found", 404),
    "a code made by an agent": did(
        "agent", "/enrolment-codes", {"technician": "TECHNICIAN"}, "not_allowed", 403),
    "a tablet that revokes": tablet(
        "/devices/TABLET/revoke", {"reason": "lost"}, "not_allowed", 403),
    "a reason for revoking that is none": office("/devices/TABLET/revoke", {"reason": "sold"}),
    "revoking what is not there": office(
        f"/devices/{NONE}/revoke", {"reason": "lost"}, "not_found", 404),
    # intake
    "an account nobody has": did(
        "agent", "/cases", {**WISH, "account": "nobody"}, "account_unknown", 404),
    "a channel that is none": did("agent", "/cases", {**WISH, "channel": "fax"}, "invalid_field"),
    "facts that are no object": did("agent", "/cases", {**WISH, "facts": []}, "invalid_field"),
    "an intake by a tablet": tablet("/cases", WISH, "not_allowed", 403),
    "an intake by an auditor": did("auditor", "/cases", WISH, "not_allowed", 403),
    "a case that is not there": asked(f"/cases/{NONE}", "not_found", 404),
    "the nil case": asked(f"/cases/{NIL}", "not_found", 404),
    "a tracking code of nobody": asked("/track/ABCDEFGH", "not_found", 404, who="nobody"),
    "an appointment link that was forged": asked(
        "/appointments/aaaa.bbbb.cccc", "link_invalid", 403, who="nobody"),
    # dispatch
    "a visit given to nobody": office(
        "/visits/VISIT/assign", {**ASSIGN, "technician": NONE}, "not_found", 404),
    "a visit that is not there": office(f"/visits/{NONE}/assign", ASSIGN, "not_found", 404),
    "a stale version": office(
        "/visits/VISIT/assign", {**ASSIGN, "version": 99}, "stale_version", 409),
    "a start without a zone": office(
        "/visits/VISIT/assign", {**ASSIGN, "starts_at": "2026-11-24T09:00:00"}),
    "an assignment by an agent": did(
        "agent", "/visits/VISIT/assign", ASSIGN, "not_allowed", 403),
    "a cancellation without a reason": office("/visits/VISIT/cancel", {}),
    "a cancellation of nothing": office(
        f"/visits/{NONE}/cancel", {"reason": "x"}, "not_found", 404),
    "an edit of nothing": office(
        f"/visits/{NONE}/edit", {"fields": {"note": "x"}}, "not_found", 404),
    "an edit that is a list": office("/visits/VISIT/edit", {"fields": []}),
    # plans
    "a plan of a day that is none": office("/plans", {"day": "2026-02-30"}),
    "a plan of no time": office("/plans", {"day": "2026-11-25", "seconds": 0}),
    "a plan of an hour": office("/plans", {"day": "2026-11-25", "seconds": 3600}),
    "a seed below nothing": office("/plans", {"day": "2026-11-25", "seed": -1}),
    "publishing nothing": office(f"/plans/{NONE}/publish", {}, "not_found", 404),
    "a plan by an agent": did("agent", "/plans", {"day": "2026-11-25"}, "not_allowed", 403),
    "a day of letters": asked("/plans?day=tomorrow"),
    # conflicts, quarantine, hazards
    "a decision without a reason": office(f"/conflicts/{NONE}/resolve", {}),
    "a conflict that is not there": office(
        f"/conflicts/{NONE}/resolve", {"reason": "x", "choice": 0}, "not_found", 404),
    "a quarantine decision that is none": office(
        f"/quarantine/{NONE}/decide", {"decision": "burn", "reason": "x"}),
    "a quarantine entry that is not there": office(
        f"/quarantine/{NONE}/decide", {"decision": "reject", "reason": "x"}, "not_found", 404),
    "a hazard step that is none": office(
        f"/hazards/{NONE}/steps", {"step": "forget", "reason": "x"}),
    "a hazard that is not there": office(
        f"/hazards/{NONE}/steps", {"step": "notify", "reason": "x"}, "not_found", 404),
    "a hazard step by an agent": did(
        "agent", f"/hazards/{NONE}/steps", {"step": "notify", "reason": "x"}, "not_allowed", 403),
    # tablets
    "501 operations": tablet("/sync", {"operations": [{}] * 501}),
    "operations that are no list": tablet("/sync", {"operations": {}}),
    "an unsent count below nothing": tablet("/sync", {"unsent": -1}),
    "a lane that is none": tablet("/sync", {"lanes": ["fast"]}),
    "a page of no records": tablet("/sync", {"limit": 0}),
    "a cursor that was forged": tablet("/sync", {"cursor": "forged"}, "cursor_forged", 400),
    "a cursor of 2,000 letters": tablet("/sync", {"cursor": "x" * 2_000}),
    "a hello without a clock": tablet("/sync/hello", {}),
    "a push by the office": office("/sync", {}, "not_allowed", 403),
    "a pull by nobody": asked("/sync/changes", "not_signed_in", 401, who="nobody"),
    "a grid that is not there": tablet(
        "/sync/packs", {"grid": "nowhere", "until": "2026-11-30"}, "pack_unknown_grid", 404),
    "a village for a year": tablet("/sync/packs", {"grid": "nowhere", "until": "2027-11-30"},
        "pack_until"),
    "a village until yesterday": tablet("/sync/packs", {"grid": "nowhere", "until": "2026-11-01"},
        "pack_until"),
    "a bundle nobody signed": tablet(
        "/sync/bundles", {"tablet": "TABLET", "payload": "e30=", "signature": "AAAA"},
        "invalid_field"),
    "a checklist that is not there": asked("/templates/NONE@1", "not_found", 404),
    # photos
    "an upload of no length": upload(Upload_Metadata=GOOD_SHA),
    "an upload below nothing": upload(Upload_Length="-1", Upload_Metadata=GOOD_SHA),
    "an upload of 11 MiB": upload(Upload_Length=str(11 * 2**20), Upload_Metadata=GOOD_SHA),
    "a length in other digits": upload(Upload_Length="1e3", Upload_Metadata=GOOD_SHA),
    "metadata that is no base64": upload(Upload_Length="10", Upload_Metadata="sha256 !!"),
    "a hash that is none": upload(Upload_Length="10", Upload_Metadata=SHA),
    "no metadata": upload(Upload_Length="10"),
    "a photo that is not there": asked("/attachments/" + "0" * 64, "not_found", 404),
    "an upload that is not there": (
        "tablet", "PATCH", f"/attachments/{NONE}", b"x",
        {"content-type": "application/offset+octet-stream", "upload-offset": "0"}, 404,
        "not_found"),
    "a piece under another kind": (
        "tablet", "PATCH", f"/attachments/{NONE}", b"x", JSON, 415, "unsupported_media_type"),
    # promises
    "a notice of a year that is none": boss(
        "/calendar/notices", {"year": 1, "source": "x", "layer": "official", "days": []}),
    "a notice of another layer": boss(
        "/calendar/notices", {"year": 2026, "source": "x", "layer": "rumour", "days": []}),
    "a notice by a dispatcher": office(
        "/calendar/notices", {"year": 2026, "source": "x", "layer": "official", "days": []},
        "not_allowed", 403),
    "a promise that is not there": asked(f"/commitments/{NONE}", "not_found", 404),
    "marks of the year 1": asked("/review-marks/0001-01-01"),
    "a day of the year 1": asked("/days/0001-01-01"),
    "a place in the year 1": office(
        "/days/0001-01-01/feasibility", {"visit_id": None, "work_order_id": None}),
    "plans of the year 9999": asked("/plans?day=9999-12-31"),
    "a report of nothing": asked("/reports/commitments"),
    "a webhook of an agent": did(
        "agent", "/webhooks", {"url": "http://hooks.example", "kinds": ["booked"]},
        "not_allowed", 403),
    "audit read by an agent": asked("/audit", "not_allowed", 403, who="agent"),
}  # fmt: skip
