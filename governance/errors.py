"""
XinyanError                 every error that a user may see; says in his language what happened and what to do
├── Refused                 a rule said no (HTTP 403)
│   ├── NoConsent           no live consent for the purpose
│   ├── NotAllowed          the role or the ownership does not permit the act
│   ├── Withdrawn           the data has been withdrawn
│   └── GateFailed          an adapter did not reach a figure of the release gate
├── NotFound                an id or a name that names nothing (HTTP 404)
├── Invalid                 what came in cannot be used (HTTP 422)
│   ├── UnreadableFile      empty, encrypted, broken, too large, or of an unknown type
│   ├── WrongHeaders        a table lacks columns that the mapping names
│   ├── BadRecord           one row of a table is wrong; the rest goes on
│   └── BadProfile          company.yaml is wrong
├── Conflict                the thing is in another state than the act needs (HTTP 409)
├── Unavailable             a part that the act needs is missing here; what to install or start (HTTP 503)
└── Corrupt                 stored state contradicts itself; stop and call someone (HTTP 500)
"""

from typing import ClassVar, Literal

Language = Literal["zh", "en"]


class XinyanError(Exception):
    """Carries its data as keyword arguments; `zh` and `en` are the templates that show them."""

    zh: ClassVar[str] = "出错了：{reason}"
    en: ClassVar[str] = "Something went wrong: {reason}"
    status: ClassVar[int] = 500

    def __init__(self, **data: object) -> None:
        self.data = data
        super().__init__(self.say("en"))

    def say(self, language: Language) -> str:
        """What happened and what to do. A value given as {"zh": …, "en": …} is shown in the language asked for."""
        shown = {k: v[language] if isinstance(v, dict) and language in v else v for k, v in self.data.items()}  # pyright: ignore[reportUnknownVariableType]
        return (self.zh if language == "zh" else self.en).format(**shown)


class Refused(XinyanError):
    """Data: reason."""

    status = 403
    zh = "已拒绝：{reason}"
    en = "Refused: {reason}"


class NoConsent(Refused):
    """Data: subject (an id or a display name that holds no personal data), purpose, reason."""

    zh = (
        "不能联系{subject}：没有“{purpose}”用途的有效同意（{reason}）。"
        "依据《个人信息保护法》第十三条、第十五条。请先取得同意，或由数据保护官核实。"
    )
    en = (
        "{subject} may not be contacted: no live consent for '{purpose}' ({reason}); "
        "Personal Information Protection Law, Articles 13 and 15. "
        "Obtain consent first, or ask the data protection officer."
    )


class NotAllowed(Refused):
    """Data: user, action."""

    zh = "账号{user}无权执行“{action}”。"
    en = "{user} is not allowed to: {action}."


class Withdrawn(Refused):
    """Data: what."""

    zh = "{what}已被撤回，不能再使用。"
    en = "{what} has been withdrawn and may not be used."


class GateFailed(Refused):
    """Data: figures, a readable list of 'name value (needs threshold)'."""

    zh = "评估未达标，适配器不予发布：{figures}。请补充资料后重新训练。"
    en = "The evaluation failed, the adapter is not released: {figures}. Add documents and train again."


class NotFound(XinyanError):
    """Data: kind, name."""

    status = 404
    zh = "找不到{kind}“{name}”。请检查名称或编号。"
    en = "There is no {kind} '{name}'. Check the name or the id."


class Invalid(XinyanError):
    """Data: reason."""

    status = 422
    zh = "输入无效：{reason}"
    en = "Invalid input: {reason}"


class UnreadableFile(Invalid):
    """Data: name, reason."""

    zh = "无法读取文件“{name}”：{reason}。其余文件不受影响。"
    en = "The file '{name}' cannot be read: {reason}. The other files are not affected."


class WrongHeaders(Invalid):
    """Data: name, missing, found."""

    zh = "表格“{name}”缺少列：{missing}。现有列：{found}。请在 company.yaml 的 records 中改正对应关系。"
    en = (
        "The table '{name}' lacks the columns {missing}; it has {found}. "
        "Correct the mapping under records in company.yaml."
    )


class BadRecord(Invalid):
    """Data: name, row, reason."""

    zh = "“{name}”第 {row} 行有误：{reason}。该行已跳过。"
    en = "'{name}', row {row}: {reason}. The row was skipped."


class IgnoredCell(BadRecord):
    """One cell of a row; the rest of it counts."""

    zh = "“{name}”第 {row} 行：{reason}。该项未采用，该行其余内容已导入。"
    en = "'{name}', row {row}: {reason}. It was left out, the rest of the row was imported."


class BadProfile(Invalid):
    """Data: path, reason."""

    zh = "公司配置 {path} 有误：{reason}"
    en = "The company profile {path} is wrong: {reason}"


class Conflict(XinyanError):
    """Data: reason."""

    status = 409
    zh = "当前状态不允许此操作：{reason}"
    en = "Not possible in the present state: {reason}"


class Unavailable(XinyanError):
    """Data: what, remedy."""

    status = 503
    zh = "缺少{what}。处理办法：{remedy}"
    en = "{what} is missing. Remedy: {remedy}"


class Corrupt(XinyanError):
    """Data: what, reason."""

    status = 500
    zh = "{what}已损坏：{reason}。已停止，未改动任何数据，请联系管理员。"
    en = "{what} is corrupt: {reason}. Stopped, nothing was changed; call the administrator."
