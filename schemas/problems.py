"""The closed list of problems: stable code, HTTP status and one sentence in Chinese and English.

Answers follow RFC 9457 (`application/problem+json`). A core raises `Refusal`; the api room turns it
into an answer. Codes are never renamed or reused: clients and audits depend on them.
"""

from typing import NamedTuple


class Problem(NamedTuple):
    """One line of the list."""

    status: int
    zh: str
    en: str


PROBLEMS: dict[str, Problem] = {
    # wire
    "malformed_body": Problem(400, "请求内容无法读取。", "The body cannot be read."),
    "invalid_field": Problem(
        422, "有一项内容不符合要求。", "A field does not have the form it needs."
    ),
    "unsupported_media_type": Problem(
        415, "不支持这种内容格式。", "This content type is not accepted here."
    ),
    "body_too_large": Problem(413, "请求内容超出上限。", "The body is larger than the limit."),
    "body_too_slow": Problem(
        408, "上传中断过久，请重试。", "Nothing came for too long; send it again."
    ),
    "not_found": Problem(404, "没有找到。", "There is nothing here by that name."),
    "method_not_allowed": Problem(405, "不支持这种操作。", "This method is not offered here."),
    "not_signed_in": Problem(401, "请先登录。", "Sign in first."),
    "not_allowed": Problem(403, "您没有这项权限。", "Your role does not permit this."),
    "too_many_requests": Problem(
        429, "请求过于频繁，请稍后再试。", "Too many requests; try again later."
    ),
    "unavailable": Problem(
        503, "系统暂时无法处理，请稍后再试。", "The system cannot do this right now; try again."
    ),
    "sign_in_failed": Problem(401, "账号或密码不正确。", "The login or the password is wrong."),
    "consent_missing": Problem(
        403, "本人未同意采集位置。", "This person did not agree to be seen on the map."
    ),
    "account_known": Problem(409, "该账号已存在。", "There is an account with this login."),
    "crew_without_grid": Problem(
        422, "班组长须指定所管网格。", "A crew lead needs the grids that the crew works in."
    ),
    "password_short": Problem(422, "密码过短。", "The password is too short."),
    "enrolment_failed": Problem(403, "注册码无效或已过期。", "The code is wrong, used or too old."),
    "stale_version": Problem(
        409, "数据已被他人修改，请刷新后再试。", "Somebody changed this first; look again."
    ),
    "unsafe_settings": Problem(
        500, "系统配置不安全，拒绝启动。", "The settings are unsafe; nothing starts."
    ),
    "sealed_shut": Problem(
        503, "加密数据无法读取，请联系管理员。", "A sealed value does not open with these keys."
    ),
    "database_busy": Problem(
        503,
        "数据库正忙，结构未作改动，请稍后再试。",
        "Somebody held a table for too long; nothing was changed. Run it again in a quieter moment.",
    ),  # fmt: skip
    "database_start": Problem(503, "数据库未能启动。", "The database did not start."),
    # operation
    "backup_failed": Problem(503, "备份未完成。", "The backup is not whole; it was not kept."),
    "backup_external": Problem(
        409,
        "外部数据库请用其自带的备份工具。",
        "A server of your own is backed up by its own tools; see docs/operation/runbook.md.",
    ),
    "backup_folder": Problem(
        409, "目标文件夹不是空的。", "A backup and a restore go into a folder of their own."
    ),
    "backup_unknown": Problem(404, "这里没有备份。", "There is no backup in this folder."),
    "restore_point": Problem(
        422, "备份无法恢复到该时刻。", "The backup and its archive do not reach this instant."
    ),
    "webhook_target": Problem(
        422, "回调地址不在允许范围内。", "This address is not one that webhooks may go to."
    ),
    # registry and import
    "file_encoding": Problem(422, "文件编码无法识别。", "The file is neither GB18030 nor UTF-8."),
    "file_missing": Problem(404, "缺少必需的文件。", "A file that is needed is not there."),
    "column_missing": Problem(422, "文件缺少必需的列。", "A column that is needed is not there."),
    "file_empty": Problem(422, "文件没有数据。", "The file holds no rows."),
    "line_too_long": Problem(422, "文件中有超长的行。", "A line of the file is too long."),
    "report_form": Problem(
        422, "报告须为可写入的 .json 或 .xlsx 文件。", "A report is a writable .json or .xlsx file."
    ),
    "file_unreadable": Problem(422, "文件已损坏，无法读取。", "The file cannot be read."),
    # cases and work orders
    "account_unknown": Problem(404, "户号不存在。", "There is no such account."),
    "case_known": Problem(409, "该受理单号已存在。", "A case with this number is open already."),
    "case_closed": Problem(409, "该业务已办结。", "This case is closed."),
    "visit_under_way": Problem(409, "上门作业已开始，不能改派。", "The visit has begun and stays."),
    "double_booking": Problem(409, "该时段已有安排。", "The technician is elsewhere at that time."),
    "technician_unable": Problem(
        409, "该人员不能承担此工作。", "This technician may not do this work on that day."
    ),
    # the live day
    "rule_broken": Problem(
        409, "违反硬性规定，不能这样安排。", "A rule forbids this, whoever accepts it."
    ),
    "rule_needs_accept": Problem(
        409, "会违反一项规定，须说明理由并确认。", "A rule would break: accept it and say why."
    ),
    "already_undone": Problem(409, "该操作已撤销。", "This was undone already."),
    "offer_gone": Problem(409, "该时段已被预约或不再可用。", "This slot was taken or is gone."),
    # planning
    "plan_problem": Problem(422, "排程问题不成立。", "The planning problem cannot be."),
    "plan_not_ready": Problem(409, "该计划尚不能发布。", "This plan cannot be published yet."),
    "plan_stale": Problem(
        409, "计划依据的数据已变化，请重新排程。", "What the plan leans on has changed; plan again."
    ),
    # attachments
    "photo_type": Problem(415, "文件不是照片。", "The file is not a JPEG, PNG or WebP picture."),
    "photo_dimensions": Problem(422, "照片尺寸超出上限。", "The picture has too many pixels."),
    "hash_mismatch": Problem(
        422, "照片内容与登记不符。", "The bytes are not the ones that were declared."
    ),
    "upload_offset": Problem(
        409, "上传位置不符，请先查询。", "The upload is at another offset; ask first."
    ),
    "upload_too_long": Problem(
        413, "上传内容超出登记长度。", "More bytes came than were announced."
    ),
    # sync
    "cursor_forged": Problem(400, "同步游标无效。", "This cursor was not handed out here."),
    "cursor_of_another_epoch": Problem(
        409, "服务器数据已恢复，请重新问候。", "The server was restored; say hello again."
    ),
    "tablet_revoked": Problem(403, "该设备已停用。", "This tablet has been revoked."),
    "visit_frozen": Problem(
        409,
        "该任务已转给他人，只能等待上传完成。",
        "This visit went to somebody else and is frozen.",
    ),
    "pack_unknown_grid": Problem(404, "没有该网格。", "There is no such grid."),
    "pack_until": Problem(422, "携带期限无效。", "Take it along until a day in the next sixty."),
    "pack_too_large": Problem(
        422,
        "网格户数过多，请分批携带。",
        "This grid holds too many premises to take along at once.",
    ),
    "bundle_signature": Problem(422, "离线包签名无效。", "The bundle's signature does not hold."),
    "conflict_stale": Problem(
        409, "该冲突又有新的内容，请重新查看。", "Somebody said something new here; look again."
    ),
    "number_too_large": Problem(422, "数值超出范围。", "This number is larger than any answer."),
    "hazard_step": Problem(409, "隐患当前状态不允许此步骤。", "This hazard is not at that step."),
    "hazard_notice_needed": Problem(
        422, "须附书面整改通知。", "The written notice is the evidence of this step."
    ),
    "hazard_recheck_needed": Problem(
        409, "须经现场复检合格方可关闭。", "It closes only after a recheck on site that passed."
    ),
    "hazard_reviewer_needed": Problem(
        403, "须由安全审核员附照片决定。", "A safety reviewer decides this, with a photo."
    ),
    "quarantine_unreadable": Problem(
        409, "该内容无法作为作业记录放行。", "These bytes cannot be released as work."
    ),
    "quarantine_still": Problem(
        409, "该记录目前仍无法生效。", "It cannot be applied even now; it stays here."
    ),
    "conflict_closed": Problem(409, "该冲突已处理。", "This conflict has been decided already."),
    # commitments
    "calendar_without_working_day": Problem(
        422, "日历中没有可用的工作日。", "The calendar has no working day to count."
    ),
    "bundle_folder": Problem(
        409, "目标文件夹不是空的。", "A bundle goes into a folder of its own."
    ),
    "calendar_notice": Problem(
        422, "放假通知内容不成立。", "This notice on working days cannot be read as one."
    ),
    "commitment_without_start": Problem(422, "没有起算事件。", "No event started this clock."),
    "already_paused": Problem(409, "计时已经暂停。", "The clock is paused already."),
    "not_paused": Problem(409, "计时没有暂停。", "The clock is not paused."),
    "not_waivable": Problem(409, "该承诺不能约定豁免。", "This promise cannot be waived."),
    "waiver_too_late": Problem(
        409, "约定日期晚于原时限。", "The customer agreed only after the first deadline."
    ),
    "fact_missing": Problem(422, "缺少判定所需的信息。", "A fact that decides this is missing."),
    "fact_without_zone": Problem(422, "时间缺少时区。", "A time needs its zone."),
    "fact_not_a_number": Problem(422, "该项应为数值。", "This fact should be a number."),
    "rule_unknown": Problem(404, "没有这条规则。", "There is no such rule on that day."),
    "clause_not_applicable": Problem(
        422, "手册未对此情形规定时限。", "The handbook gives no limit for this case."
    ),
    "rule_without_clock": Problem(422, "该条款没有时限。", "This rule has no clock."),
    "fact_not_a_time": Problem(422, "时间格式不正确。", "This is not a day or an instant."),
    "rule_overlap": Problem(409, "规则版本的有效期重叠。", "Two versions of a rule overlap."),
    "rule_longer_without_source": Problem(
        409, "延长期限须注明依据。", "A longer limit needs a cited source."
    ),
    "rule_in_use": Problem(409, "仍有承诺按该规则计时。", "Running promises still keep this rule."),
    "rulebook_unsound": Problem(
        422, "规则文件内容不成立。", "This rulebook cannot be kept as it is written."
    ),
    "rule_shipped": Problem(
        409, "手册与法规规则不能删除。", "What the handbook or the law says is not deleted."
    ),
    "rule_backdated": Problem(
        409, "规则不能追溯生效。", "A rule holds from today on, not from a day that is over."
    ),
    "commitment_closed": Problem(
        409, "该承诺已有结论，不能再改。", "This promise has its verdict; it is not reopened."
    ),
    "event_unknown": Problem(
        422, "该承诺不接受这种事件。", "This promise does not listen to such an event."
    ),
    "event_instant": Problem(
        422, "事件时间不成立。", "An event lies between the start of its clock and now."
    ),
    "pause_reason": Problem(
        409, "该承诺不因此暂停计时。", "This clock does not stand still for that reason."
    ),
    "not_amendable": Problem(
        409, "该承诺的时限不能更改。", "This date is counted, not agreed: it cannot be moved."
    ),
    "season_dates": Problem(
        422, "采暖季日期不成立。", "The days of this heating season contradict each other."
    ),
    "outage_step": Problem(409, "停气当前状态不允许此步骤。", "This outage is not at that step."),
    "outage_nobody": Problem(
        422, "没有受影响的用户。", "An outage that touches no premises is announced to nobody."
    ),
    "case_step": Problem(409, "该业务当前不允许此步骤。", "This case does not take that step now."),
    "register_entry": Problem(
        422, "登记内容不成立。", "This entry contradicts itself or the ones before it."
    ),
    "extension_without_reason": Problem(
        422,
        "延期须说明理由并经客户同意。",
        "An extension needs a reason and the customer's consent.",
    ),
    "outage_notice_short": Problem(
        422, "计划停气须提前48小时公告。", "A planned outage needs 48 hours' notice."
    ),
    "outage_times": Problem(
        422, "停气时间前后不符。", "The times of this outage contradict each other."
    ),
    "first_gas_on_gate": Problem(
        409, "首次通气前须完成入户检查。", "Gas is not turned on before the first inspection."
    ),
    "statutory_notice_missing": Problem(
        409, "重大隐患须先书面告知客户。", "A statutory hazard needs its written notice first."
    ),
    "recheck_missing": Problem(
        409, "复检合格后方可恢复供气。", "Gas comes back only after a passed recheck."
    ),
    "workflow_unsound": Problem(422, "流程定义不成立。", "This workflow cannot be walked."),
    "workflow_known": Problem(
        409, "该流程版本已发布，不能更改。", "This version is published and never changes."
    ),
    "workflow_begun": Problem(409, "该业务已在办理流程中。", "This case walks a workflow already."),
    "workflow_not_begun": Problem(409, "该业务尚未进入流程。", "This case walks no workflow yet."),
    "workflow_step": Problem(409, "该业务不在此步骤。", "The case does not stand at this step."),
    "workflow_undefined": Problem(
        409, "手册未载明此步骤，流程到此为止。", "The handbook does not describe this step."
    ),
    "workflow_waits": Problem(
        409, "本步骤所需事项尚未登记。", "What this step needs is not on record yet."
    ),
    "chain_broken": Problem(
        409, "存证链校验失败，请联系审计。", "A recorded fact was changed; call the auditor."
    ),
    "fact_in_future": Problem(422, "时间尚未到来。", "This is said to happen later than now."),
    "paper_missing": Problem(409, "资料尚未补齐。", "Papers that may follow have to be in by now."),
    "link_invalid": Problem(403, "链接无效或已过期。", "This link is not valid, or no longer."),
    "appointment_times": Problem(422, "预约时段不成立。", "These hours cannot be an appointment."),
    "appointment_after_due": Problem(
        409, "所选时段晚于承诺时限。", "These hours lie after the deadline that was promised."
    ),
    "cycle_unknown": Problem(
        409,
        "客户类别或通气日期不明，无法确定安检周期。",
        "Without a known class and a first gas-on there is no cycle.",
    ),
    "report_period": Problem(
        422, "报告期间不成立。", "A report covers from one day to a later one, five years at most."
    ),
    "appointment_none": Problem(409, "尚未约定上门时间。", "No hours have been agreed yet."),
}


class Refusal(Exception):
    """An expected failure with a code of the list; carries details, raises no alarm.

    `details` are shown to the caller: never SQL, paths or personal data of others.
    """

    def __init__(self, code: str, **details: object) -> None:
        if code not in PROBLEMS:
            raise KeyError(f"{code} is not in schemas.problems.PROBLEMS")
        super().__init__(code)
        self.code = code
        self.details = details

    def __str__(self) -> str:
        problem = PROBLEMS[self.code]
        return f"{self.code}: {problem.en} {self.details or ''}".strip()
