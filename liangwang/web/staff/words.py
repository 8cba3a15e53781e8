"""What a post reads after an act of law has been done."""

from django.utils.translation import gettext as _


def said_done(act: str) -> str:
    """The sentence for one act of staff/joint.py."""
    return {
        "pass_on": _("已转办，时限照常计算"),
        "ask_signature": _("已请对方会签"),
        "cosign": _("会签意见已记录"),
        "accept_lacking": _("已容缺受理，缺的材料和期限已告知本人"),
        "special": _("特别程序告知书已发出，停止计时"),
        "end_special": _("恢复计时"),
        "extend": _("延期告知书已发出"),
    }[act]
