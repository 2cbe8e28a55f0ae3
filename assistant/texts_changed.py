"""What the screens say about scripts whose facts changed since they were written."""

CHANGED: dict[str, tuple[str, str]] = {
    "changed_since": ("自撰写以来，这些依据已变化：", "Since this was written, what it rests on has changed:"),
    "changed_rep": ("请勿照用：核对之后重新撰写。", "Do not use it as it is: check, and write it again."),
    "changed_reviewer": ("批准须写明理由；否则请驳回。", "Approving it takes a written reason; otherwise reject it."),
    "rule_stopped": ("按现行规则已停用，请勿使用。", "Stopped by the rules in force: do not use it."),
    "stopped_tag": ("已停用", "stopped"),
    "stopped_edit": (
        "改掉引用的字句（或重写那一节），再提交审核。",
        "Change the words quoted (or rewrite the section), then send it to review.",
    ),
    "stopped_taken_back": (
        "先收回为草稿，改掉引用的字句，再提交审核；也可以重新撰写。",
        "Take it back, change the words quoted and send it to review again; or write it again.",
    ),
    "stopped_reviewer": ("不能批准：请修改引用的字句，或驳回。", "It cannot be approved: edit the words or reject it."),
    "take_back": ("收回为草稿", "Take back"),
    "take_back_sure": (
        "收回后可以修改；此前的批准不再算数，改好后须重新审核。",
        "It can be edited then; earlier approvals no longer count, and it has to be reviewed again.",
    ),
    "take_back_yes": ("确认收回", "Yes, take it back"),
    "taken_back": ("按现行规则收回修改", "taken back because of the rules in force"),
    "withdrawn_by": ("{who} 于 {at} 撤回为草稿：{reason}", "Withdrawn to a draft by {who} at {at}: {reason}"),
    "rule_version": ("版本 {version}", "version of {version}"),
    "rule_unverified": ("条文凭记忆记下，待核对", "noted from memory, to be verified"),
    "event_script.stopped_by_rules": ("按当日规则停用", "stopped it by the rules of the day"),
    "event_script.flagged_by_rules": ("按当日规则提示复核", "flagged it by the rules of the day"),
    "event_script.cleared_by_rules": ("按当日规则解除停用或提示", "cleared it by the rules of the day"),
    # the coordinators' queue
    "queue_rules": ("规则停用", "Stopped by rules"),
    "rules_what": (
        "草稿、待审核和已批准的话术，按今天的规则和有效注册证重新检查：这里列出写成时没有、现在会被停用或需要复核的。规则文件改动或过了一天，系统自动重查。",
        "Drafts, scripts in review and approved ones against the rules and certificates of today: what would now be "
        "stopped or needs judgement and did not when it was written. Checked again by itself when rules or the day "
        "change.",
    ),
    "rules_empty": (
        "没有话术被现行规则停用。",
        "The rules in force stop none of the live scripts.",
    ),
    "rules_stopped": ("停用", "stopped"),
    "rules_flagged": ("须人工判断", "needs judgement"),
    "rules_just_now": ("刚刚发现", "seen just now"),
    "withdraw": ("撤回为草稿", "Withdraw to draft"),
    "withdraw_sure": (
        "撰写人会看到您的说明，改好后须重新审核；此前的批准不再算数。",
        "The author sees your note, edits it, and it is reviewed again; earlier approvals no longer count.",
    ),
    "withdraw_yes": ("确认撤回", "Yes, withdraw"),
    "withdrawn_now": ("已撤回为草稿，撰写人会看到说明。", "Withdrawn to a draft; its author sees the note."),
    "changed_tag": ("依据已变化", "facts changed"),
    "changed_approved": (
        "{who} 于 {at} 批准，但批准所依据的事实已变化，不可直接使用。",
        "Approved by {who} at {at}, but its facts have changed since; not ready to use.",
    ),
    "approve_reason": ("批准理由（必填）", "Why it may be used all the same (required)"),
}  # fmt: skip
