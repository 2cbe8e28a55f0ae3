"""What the screens say about scripts whose facts changed since they were written."""

CHANGED: dict[str, tuple[str, str]] = {
    "changed_since": ("自撰写以来，这些依据已变化：", "Since this was written, what it rests on has changed:"),
    "changed_rep": ("请勿照用：核对之后重新撰写。", "Do not use it as it is: check, and write it again."),
    "changed_reviewer": ("批准须写明理由；否则请驳回。", "Approving it takes a written reason; otherwise reject it."),
    "rule_stopped": ("按现行规则已停用，请勿使用：", "Stopped by the rules in force, do not use it:"),
    "changed_tag": ("依据已变化", "facts changed"),
    "changed_approved": (
        "{who} 于 {at} 批准，但批准所依据的事实已变化，不可直接使用。",
        "Approved by {who} at {at}, but its facts have changed since; not ready to use.",
    ),
    "approve_reason": ("批准理由（必填）", "Why it may be used all the same (required)"),
}  # fmt: skip
