"""What the case engine says when it will not do something."""

from typing import ClassVar

from liangwang.base.errors import Conflict, Refusal
from liangwang.base.labels import Label


class TaskMoved(Conflict):
    """A double click, or someone was faster."""

    code = "task_moved"
    template: ClassVar[Label] = {
        "zh": "“{task}”现在是“{state}”，不能再{verb}；请刷新页面查看",
        "en": "'{task_en}' is now '{state_en}': it cannot be {verb_en}; reload to see it",
    }


class CaseMoved(Conflict):
    code = "case_moved"
    template: ClassVar[Label] = {
        "zh": "{number} 现在是“{state}”，不能这样办",
        "en": "{number} is now '{state_en}'; this is not possible any more",
    }


class OwnWork(Refusal):
    """Nobody verifies or closes their own work."""

    status, code = 403, "own_work"
    template: ClassVar[Label] = {
        "zh": "自己（或本队）办理过的“{task}”须由他人核查、结案",
        "en": "'{task_en}' was done by you or your crew: someone else must verify or close it",
    }


class NotHolder(Refusal):
    status, code = 403, "not_holder"
    template: ClassVar[Label] = {
        "zh": "“{task}”派给了{holder}，不由您办理",
        "en": "'{task_en}' is held by {holder_en}, not by you",
    }


class ReasonNeeded(Refusal):
    status, code = 422, "reason_needed"
    template: ClassVar[Label] = {
        "zh": "请写明{what}",
        "en": "Give {what_en}",
    }


class ProofMissing(Refusal):
    status, code = 422, "proof_missing"
    template: ClassVar[Label] = {
        "zh": "还缺：{missing}",
        "en": "Still missing: {missing}",
    }


class DeclineRefused(Refusal):
    """退单 is possible once, soon, with a reason from the list."""

    status, code = 409, "decline_refused"
    template: ClassVar[Label] = {
        "zh": "不能退单：{why}；请办理，或请值班长协调",
        "en": "It cannot be declined: {why_en}; handle it, or ask the duty officer",
    }


class StillOpen(Refusal):
    status, code = 409, "still_open"
    template: ClassVar[Label] = {
        "zh": "还不能结案：{what}",
        "en": "It cannot be closed yet: {what_en}",
    }


class AlreadyRated(Conflict):
    code = "already_rated"
    template: ClassVar[Label] = {
        "zh": "这件事已经评价过了（一事一评）",
        "en": "This case has been rated already",
    }


class OnceOnly(Conflict):
    """The law allows it one time."""

    code = "once_only"
    template: ClassVar[Label] = {"zh": "{what}只能有一次", "en": "{what_en} is possible only once"}


class NotSpecial(Refusal):
    """Only a special procedure stops the clock after acceptance."""

    status, code = 422, "not_special"
    template: ClassVar[Label] = {
        "zh": "受理后只有听证、招标、拍卖、检验、检测、检疫、鉴定、专家评审才停止计时，“{ground}”不是",
        "en": "After acceptance only a special procedure stops the clock; '{ground}' is none",
    }


class NoOffice(Refusal):
    """No office of the city is competent: a gap in the declarations, not the person's fault."""

    status, code = 409, "no_office"
    template: ClassVar[Label] = {
        "zh": "“{task}”在此地没有主管单位（{by}），请联系城运中心",
        "en": "No office here is competent for '{task_en}' ({by}); ask the operations centre",
    }


class WrongTarget(Refusal):
    status, code = 422, "wrong_target"
    template: ClassVar[Label] = {
        "zh": "只能退回到本环节之前已办结的环节，“{node}”不是",
        "en": "A task goes back only to a finished one that it stands on; '{node}' is not",
    }


class SignaturesMissing(Conflict):
    """会签: too few of the offices that were asked have agreed."""

    code = "signatures_missing"
    template: ClassVar[Label] = {
        "zh": "会签还不够：已同意 {have}，需要 {need}；等待：{waits}；不同意：{against}",
        "en": "Not enough signatures: {have} of {need} agreed; waiting for: {waits_en}; opposed: {against_en}",
    }


class NotAsked(Refusal):
    status, code = 403, "not_asked"
    template: ClassVar[Label] = {
        "zh": "没有请您所在的单位会签“{task}”",
        "en": "Your office has not been asked to sign '{task_en}'",
    }


class WrongOffice(Refusal):
    """Passing on and adding signers stay within competence."""

    status, code = 422, "wrong_office"
    template: ClassVar[Label] = {
        "zh": "不能交给“{office}”：它不是本环节的主管单位，或已经在办、已撤销；要听别的单位的意见，请用加签",
        "en": "It cannot go to '{office_en}': it is not competent for this task, holds it already or has ended; to hear another"
        " office, ask it to sign",
    }


class GatesFirst(Refusal):
    """容缺受理 is for materials that a later step needs, not the first."""

    status, code = 422, "gates_first"
    template: ClassVar[Label] = {
        "zh": "“{what}”第一步就要用，不能容缺；请先一次告知补正",
        "en": "'{what_en}' is needed at the first step: it cannot come later; ask for a supplement instead",
    }


class NotLacking(Conflict):
    code = "not_lacking"
    template: ClassVar[Label] = {
        "zh": "{number} 不缺这份材料，或已经补交",
        "en": "{number} does not lack this material, or it has come already",
    }


class WrongDeputy(Refusal):
    status, code = 403, "wrong_deputy"
    template: ClassVar[Label] = {
        "zh": "只能由本人把自己的岗位委托给同单位的另一位同事",
        "en": "A desk is lent by its own holder, to another person of the same office",
    }
