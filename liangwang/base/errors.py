"""What the system says when it will not do something: a refusal is a class with a status, a problem has a place."""

from typing import ClassVar

from .labels import Label


class Refusal(Exception):
    """A business refusal: told to the person in zh and en, with the HTTP status that it means.

    Subclasses set `status`, `code` and `template`; named fields fill the template:

    >>> class Full(Refusal):
    ...     status, code = 409, "slot_full"
    ...     template = {"zh": "{slot} 已约满", "en": "{slot} is fully booked"}
    >>> Full(slot="9:30").message("en")
    '9:30 is fully booked'
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "refused"
    template: ClassVar[Label] = {"zh": "不能办理", "en": "This cannot be done"}

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.message("zh"))

    def message(self, lang: str) -> str:
        text = self.template["en" if lang.startswith("en") else "zh"]
        return text.format(**self.fields)

    def as_json(self) -> dict[str, object]:
        """`{"error": code, "message": {zh, en}}`, the shape of every API error."""
        return {"error": self.code, "message": {"zh": self.message("zh"), "en": self.message("en")}}


class NotFound(Refusal):
    """Not there, or not to be seen by this hat: the same answer, so that nothing leaks."""

    status, code = 404, "not_found"
    template: ClassVar[Label] = {
        "zh": "没有找到，或当前身份无权查看",
        "en": "Not found, or not visible to you in this role",
    }


class Refused(Refusal):
    """The policy table has no row that allows it."""

    status, code = 403, "not_allowed"
    template: ClassVar[Label] = {
        "zh": "当前身份（{hat}）不能做这件事",
        "en": "Your present role ({hat}) may not do this",
    }


class LoginNeeded(Refusal):
    status, code = 401, "login_needed"
    template: ClassVar[Label] = {"zh": "请先登录", "en": "Please sign in first"}


class Conflict(Refusal):
    """The thing has changed since it was shown: a double click, or someone was faster."""

    status, code = 409, "conflict"
    template: ClassVar[Label] = {
        "zh": "{what}已经变化，请刷新后再试",
        "en": "{what} has changed; reload and try again",
    }
