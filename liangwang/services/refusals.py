"""What services say when they will not do something; nothing that a person typed is lost by any of these."""

from typing import ClassVar

from liangwang.base.errors import Conflict, Refusal
from liangwang.base.labels import Label


class DraftClosed(Conflict):
    """The draft was submitted or given up meanwhile, perhaps on another device."""

    code = "draft_closed"
    template: ClassVar[Label] = {
        "zh": "这份申请已经提交或放弃，不能再修改；请到“我的办件”查看",
        "en": "This application has been submitted or given up; see it under 'My cases'",
    }


class NotApplicant(Refusal):
    """The other parent sees and completes a draft, but the applicant submits it."""

    status, code = 403, "not_applicant"
    template: ClassVar[Label] = {
        "zh": "由申请人提交；您可以补充信息并确认授权",
        "en": "The applicant submits; you can complete it and give your authorisation",
    }


class NotReady(Refusal):
    """Something is still missing; `missing` says what, all at once."""

    status, code = 422, "not_ready"
    template: ClassVar[Label] = {"zh": "还差：{missing}", "en": "Still missing: {missing_en}"}


class UnknownPart(Refusal):
    """The page, material or role is not part of this application (any more)."""

    status, code = 404, "unknown_part"
    template: ClassVar[Label] = {
        "zh": "这份申请里没有“{part}”，可能因为您改了情形；请回到办理页面",
        "en": "'{part}' is not part of this application, perhaps because an answer has changed; go back to it",
    }


class TooManyPages(Refusal):
    """A material has as many pages as it may have."""

    status, code = 413, "too_many_pages"
    template: ClassVar[Label] = {
        "zh": "一份材料最多 {limit} 页；请把多页合成一个 PDF 再上传。已上传的都还在",
        "en": "A material has at most {limit} pages; put them into one PDF. What is uploaded stays",
    }


class NoSuchPerson(Refusal):
    """Name and identity number do not belong together, or nobody is registered under them."""

    status, code = 422, "no_such_person"
    template: ClassVar[Label] = {
        "zh": "姓名和身份号码对不上，或对方还没有实名注册；请核对",
        "en": "Name and identity number do not match a registered person; check them",
    }


class NotYours(Refusal):
    """Only the person herself gives or refuses her authorisation."""

    status, code = 403, "not_yours"
    template: ClassVar[Label] = {
        "zh": "授权只能由本人确认",
        "en": "Only the person concerned can give this authorisation",
    }


class ResultMissing(Refusal):
    """A step produces a value, and it was not given."""

    status, code = 422, "result_missing"
    template: ClassVar[Label] = {"zh": "请填写{what}", "en": "Enter {what_en}"}


class NotIssuable(Conflict):
    """The step that a certificate rests on is not done."""

    code = "not_issuable"
    template: ClassVar[Label] = {
        "zh": "“{what}”所依据的环节还没有办结，不能签发",
        "en": "'{what_en}' cannot be issued: the step that it rests on is not done",
    }


class GroupFull(Refusal):
    """A repeating group has all the rows that the item allows."""

    status, code = 422, "group_full"
    template: ClassVar[Label] = {
        "zh": "{what}最多 {most} 个；还有的话请找帮办",
        "en": "{what_en}: at most {most}; ask a helper if there are more",
    }


class GroupShort(Refusal):
    """A repeating group would have fewer rows than the item asks for."""

    status, code = 422, "group_short"
    template: ClassVar[Label] = {"zh": "{what}至少 {least} 个", "en": "{what_en}: at least {least}"}


class ItemWithdrawn(Conflict):
    """The item is no longer offered; the draft stays and can be printed."""

    code = "item_withdrawn"
    template: ClassVar[Label] = {
        "zh": "“{what}”已经停办，不能再提交；您填的内容都还在，可以打印，也可以找帮办",
        "en": "'{what_en}' is no longer offered and cannot be handed in; your answers are kept, and can be printed",
    }


class NotStanding(Conflict):
    """The certificate is suspended, in force or revoked already: somebody was faster."""

    code = "not_standing"
    template: ClassVar[Label] = {
        "zh": "这份证照的状态已经变了，请刷新后再看",
        "en": "This certificate's state has changed: reload the page",
    }


class WhyNeeded(Refusal):
    """Nothing is taken from anybody without a reason."""

    status, code = 422, "why_needed"
    template: ClassVar[Label] = {
        "zh": "请写明理由，本人会看到",
        "en": "Give the reason: the holder will read it",
    }
