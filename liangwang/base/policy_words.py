"""The words of the policy's attributes and of every value that they can have, for the pages that show the table and the log."""

from .labels import Label, pick

ATTRIBUTE_WORDS: dict[str, Label] = {
    "role": {"zh": "角色", "en": "Role"},
    "territory": {"zh": "辖区", "en": "Territory"},
    "office": {"zh": "部门", "en": "Office"},
    "relation": {"zh": "与当事人", "en": "Relation"},
    "verb": {"zh": "行为", "en": "Act"},
    "thing": {"zh": "对象", "en": "Thing"},
    "purpose": {"zh": "目的", "en": "Purpose"},
    "assurance": {"zh": "认证强度", "en": "Assurance"},
}

_TABLE = """
role anonymous 未登录 nobody
role resident 居民 resident
role company 企业 company
role clerk 经办 clerk
role approver 审批 approver
role counter 窗口 counter
role dispatcher 派单员 dispatcher
role supervisor 网格监督员 grid supervisor
role crew 处置队 crew
role duty_officer 值班长 duty officer
role committee 居村委 committee
role gatekeeper 门岗 gatekeeper
role data_engineer 数据工程师 data engineer
role reform_officer 流程再造 reform officer
role system_admin 系统管理员 system administrator
role security_admin 安全管理员 security administrator
role auditor 审计员 auditor
role source 设备或系统 device or system
role platform 平台 platform
territory same 本辖区 same
territory below 下级辖区 below
territory above 上级辖区 above
territory sibling 别的辖区 another
territory none 无辖区 no place
office own 本部门 own
office department 同条线 same department
office other 其他部门 other
relation none 无关 none
relation self 本人 self
relation company 代表企业 for a company
relation guardian 监护人 guardian
relation proxy 受托人 proxy
relation assisted 帮办 assisted
relation reader 获准查看 reader
verb open 打开 open
verb read 查看 read
verb read_sealed 解密查看 read unsealed
verb create 提交 submit
verb update 修改 change
verb decide 决定 decide
verb dispatch 派遣 dispatch
verb handle 办理 handle
verb verify 核查 verify
verb close 办结 close
verb supervise 督办 supervise
verb rate 评价 rate
verb check 核验 check
verb push 推送 push
verb order 发布命令 declare
verb configure 配置 configure
thing public 公开信息 public page
thing home 个人主页 own page
thing person 个人信息 personal data
thing company 企业信息 company data
thing item 事项 item
thing draft 草稿 draft
thing draft_part 共填部分 part of a draft
thing visit 到窗 visit
thing call 走访 call of a committee
thing handover 纸质交接单 hand-over
thing report 上报 report
thing warning 预警 warning
thing application 办件 application
thing application_task 办件环节 step of an application
thing incident 案件 incident
thing incident_task 案件环节 task of an incident
thing ticket 校核单 data ticket
thing ticket_task 校核环节 task of a ticket
thing certificate 证照 certificate
thing code 随申码 city code
thing asset 设施 asset
thing reading 读数 readings
thing batch 数据批次 data batch
thing review 关联复核 link review
thing attribute 数据 data
thing disagreement 数据校核 disagreement
thing board 大屏 screen
thing order 应急命令 emergency order
thing pass 放行记录 gate pass
thing policy 权限表 policy
thing audit 审计日志 audit log
thing notice 消息 notice
thing file 文件 file
thing pack 应用 pack
thing rule 报警规则 alarm rule
purpose none 无 none
purpose case 为办件 for a case
purpose order 依应急命令 under an order
assurance basic 基本 basic
assurance strong 强 strong
"""

WORDS: dict[str, dict[str, Label]] = {}
for _line in _TABLE.strip().splitlines():
    _attribute, _value, _zh, _en = _line.split(" ", 3)
    WORDS.setdefault(_attribute, {})[_value] = {"zh": _zh, "en": _en}


def word(attribute: str, value: str, lang: str) -> str:
    """What a value of an attribute is called; the value itself for one of an older version.

    >>> word("role", "duty_officer", "zh")
    '值班长'
    """
    label = WORDS[attribute].get(value)
    return pick(label, lang) if label else value
