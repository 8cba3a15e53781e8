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


class OutsideMandate(Refusal):
    """A mandate names its items; this is none of them."""

    status, code = 403, "outside_mandate"
    template: ClassVar[Label] = {
        "zh": "委托里没有这件事；请委托人把它加进委托，或由本人来办",
        "en": "The mandate does not cover this; ask its giver to add it, or to apply in person",
    }


class NotYourPart(Refusal):
    """These fields are somebody else's to fill in."""

    status, code = 403, "not_your_part"
    template: ClassVar[Label] = {
        "zh": "这几项由{who}自己填，您不能改；请请对方来填",
        "en": "{who_en} fills this in; you cannot change it. Ask for it instead",
    }


class NotYourDraft(Refusal):
    """Only the applicant invites, shows and withdraws."""

    status, code = 403, "not_your_draft"
    template: ClassVar[Label] = {
        "zh": "请谁一起填、给谁看，由申请人决定",
        "en": "The applicant decides who fills in and who sees this application",
    }


class LinkGone(Refusal):
    """Used, withdrawn, too old or made up: the same answer."""

    status, code = 410, "link_gone"
    template: ClassVar[Label] = {
        "zh": "这个链接已经用过、过期或被收回；请让对方重新发一个",
        "en": "This link has been used, has expired or was withdrawn; ask for a new one",
    }


class NotThisPerson(Refusal):
    """The part is known to be somebody else's, or the wrong hat is worn."""

    status, code = 403, "not_this_person"
    template: ClassVar[Label] = {
        "zh": "这一部分要由申请里写明的那个人（或那家单位）来填；请核对登录的是不是本人、身份选得对不对",
        "en": "This part is for the person or company that the application names; check your login and your role",
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


class DeliveryMissing(Refusal):
    status, code = 422, "delivery_missing"
    template: ClassVar[Label] = {"zh": "请写明{what}", "en": "Give {what_en}"}


class DeliveryMoved(Conflict):
    """Sent this way already, or arrived or returned meanwhile."""

    code = "delivery_moved"
    template: ClassVar[Label] = {
        "zh": "这份文书已经用这种方式发出、送达或退回；请刷新页面查看",
        "en": "This letter has been sent this way, has arrived or was returned; reload to see it",
    }


class BoxTaken(Conflict):
    """One box holds one letter, or somebody would open another's."""

    code = "box_taken"
    template: ClassVar[Label] = {
        "zh": "{box} 号箱里还有别人的文书，请换一个空箱",
        "en": "Box {box} still holds somebody else's letter: take an empty one",
    }


class WrongCabinetCode(Refusal):
    status, code = 403, "wrong_cabinet_code"
    template: ClassVar[Label] = {
        "zh": "取件码不对，或错误次数过多；请核对消息里的取件码，或到窗口领取",
        "en": "The code is wrong, or was wrong too often; check the message, or collect the letter at the counter",
    }


class NotInForce(Conflict):
    """Only what was granted and stands can be changed, renewed, cancelled or revoked."""

    code = "not_in_force"
    template: ClassVar[Label] = {
        "zh": "“{what}”已不在有效状态，不能这样办",
        "en": "'{what_en}' is not in force any more: this is not possible",
    }


class HearingOver(Conflict):
    """The office has heard the holder, or means to revoke nothing."""

    code = "hearing_over"
    template: ClassVar[Label] = {
        "zh": "{what}没有等着听取陈述申辩的撤销；已经听取过的，请直接联系签发单位",
        "en": "No revocation of '{what_en}' waits to hear you; where the hearing is over, turn to the office itself",
    }


class AlreadyAsked(Conflict):
    """One change, renewal, cancellation or revocation of a certificate at a time."""

    code = "already_asked"
    template: ClassVar[Label] = {
        "zh": "“{what}”已有同类办件 {number} 正在办理，办完后可以再提",
        "en": "'{what_en}' has such a case already ({number}); ask again when it is decided",
    }
