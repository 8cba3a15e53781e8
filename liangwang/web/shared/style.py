"""The style page: every component with made-up content, to look at (demo only)."""

from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from liangwang.base import clock
from liangwang.base.access import door
from liangwang.base.errors import NotFound

SURFACES = {"phone", "desk", "command", "print"}


def _lanes(day: date) -> list[dict[str, Any]]:
    def row(office: str, label: str, start: int, end: int | None, state: str, text: str) -> dict[str, Any]:
        ends = day + timedelta(days=end) if end is not None else None
        return {
            "office": office,
            "label": label,
            "start": day + timedelta(days=start),
            "end": ends,
            "state": state,
            "text": text,
        }

    return [
        row("医院", "出生医学证明", -6, -6, "done", "5月6日 已签发"),
        row("社区卫生", "预防接种证", -5, -5, "done", "5月7日 已签发"),
        row("公安", "户口登记", -5, -3, "done", "5月9日 已办结"),
        row("医保", "新生儿参保", -1, 1, "doing", "办理中"),
        row("人社", "社会保障卡", 1, 5, "waiting", "等待户口信息"),
    ]


def _context(at: datetime) -> dict[str, Any]:
    day = date(2026, 5, 12)
    days = [
        {"day": date(2026, 5, 6), "counted": False, "number": 0, "why": "受理当日，不计入"},
        {"day": date(2026, 5, 7), "counted": True, "number": 1, "why": "工作日"},
        {"day": date(2026, 5, 8), "counted": True, "number": 2, "why": "工作日"},
        {"day": date(2026, 5, 9), "counted": True, "number": 3, "why": "劳动节调休上班"},
        {"day": date(2026, 5, 10), "counted": False, "number": 3, "why": "周末"},
        {"day": date(2026, 5, 11), "counted": True, "number": 4, "why": "工作日"},
    ]
    return {
        "at": at,
        "day": day,
        "promised": date(2026, 5, 18),
        "lanes_rows": _lanes(day),
        "clock": {"statutory": 31, "promised": 9, "used": 5, "days": days},
        "options": [("father", "随父", "父亲户口所在地"), ("mother", "随母", "母亲户口所在地")],
        "errors": {"settle": "请选择随父或随母落户", "phone": "手机号应为 11 位数字，例如 138 0000 0000"},
        "facts": [
            {"label": "新生儿姓名", "value": "陈**", "source": "公安 5月9日 已核"},
            {
                "label": "监护人参保状态",
                "value": "正常",
                "source": "医保库 今日",
                "why": "职工医保，连续缴费 41 个月",
            },
            {
                "label": "家庭住址",
                "value": "长宁路515号（近江苏路）3 号 1201 室",
                "source": "两源不一致",
                "status": "watch",
            },
            {"label": "联系电话", "value": "138****0000", "change": "#"},
        ],
        "columns": [
            ("办件", "text"),
            ("申请人", "text"),
            ("状态", "status"),
            ("来源", "source"),
            ("已用", "number"),
            ("承诺日", "date"),
        ],
        "rows": [
            {
                "ref": "a1",
                "href": "#1",
                "cells": [
                    "2026-0506-00017 出生一件事",
                    "林**",
                    ("info", "办理中"),
                    "随申办",
                    5,
                    date(2026, 5, 18),
                ],
            },
            {
                "ref": "a2",
                "href": "#2",
                "cells": [
                    "2026-0507-00003 社会保障卡",
                    "王**",
                    ("watch", "将超时"),
                    "综窗",
                    8,
                    date(2026, 5, 13),
                ],
            },
            {
                "ref": "a3",
                "href": "#3",
                "cells": [
                    "2026-0430-00111 户口登记",
                    "赵**",
                    ("bad", "已超时"),
                    "随申办",
                    12,
                    date(2026, 5, 11),
                ],
            },
            {
                "ref": "a4",
                "href": "#4",
                "cells": [
                    "2026-0511-00009 预防接种证",
                    "周**",
                    ("ok", "已办结"),
                    "医院",
                    1,
                    date(2026, 5, 12),
                ],
            },
        ],
        "events": [
            {
                "at": at - timedelta(hours=2),
                "by": "长宁区公安分局",
                "text": "户口登记办结，信息送达医保、人社",
                "kind": "ok",
            },
            {
                "at": at - timedelta(days=2),
                "by": "江苏路社区卫生服务中心",
                "text": "预防接种证签发",
                "kind": "ok",
            },
            {
                "at": at - timedelta(days=3),
                "by": "林**",
                "text": "提交，数据代填 23 项，本人填 6 项",
                "kind": "brand",
            },
        ],
        "saving": [
            {"label": "材料", "before": 19, "after": 4, "unit": "份"},
            {"label": "表格", "before": 5, "after": 1, "unit": "张"},
            {"label": "跑动", "before": 6, "after": 0, "unit": "次"},
            {"label": "时限", "before": 31, "after": 9, "unit": "工作日"},
        ],
        "incidents": [
            {
                "level": "bad",
                "icon": "octagon-alert",
                "title": "外滩陈毅广场 客流逼近一级",
                "where": "黄浦 · 外滩街道",
                "step": "应处置",
                "since": at - timedelta(minutes=4, seconds=12),
                "limit": 300,
                "next": "已启动 分级管控二级：单向通行、地铁跳站",
            },
            {
                "level": "warn",
                "icon": "diamond",
                "title": "江苏路下立交积水 18 cm",
                "where": "长宁 · 江苏路街道",
                "step": "泵车到场",
                "since": at - timedelta(minutes=9, seconds=40),
                "limit": 900,
                "next": "泵车 沪-07 距 1.8 km，预计 6 分",
            },
            {
                "level": "watch",
                "icon": "triangle-alert",
                "title": "五角场井盖移位",
                "where": "杨浦 · 五角场街道",
                "step": "维修到场",
                "since": at - timedelta(minutes=21, seconds=5),
                "limit": 3600,
                "next": "最近班组：市政 3 队 2 人",
            },
        ],
        "panels": [
            {
                "label": "城市动态",
                "value": "18,204",
                "unit": "件",
                "note": "12345 今日诉求",
                "values": [12, 14, 13, 18, 17, 22, 19, 24, 23, 28],
            },
            {
                "label": "城市环境",
                "value": "42",
                "unit": "AQI",
                "note": "空气质量 优",
                "values": [38, 41, 44, 40, 39, 42, 45, 43, 42, 42],
            },
            {
                "label": "城市交通",
                "value": "1.62",
                "unit": "",
                "note": "拥堵指数",
                "values": [1.1, 1.2, 1.4, 1.8, 1.7, 1.5, 1.4, 1.5, 1.6, 1.62],
            },
            {
                "label": "保障供应",
                "value": "99.8",
                "unit": "%",
                "note": "供水压力达标",
                "values": [99.1, 99.4, 99.5, 99.2, 99.8, 99.9, 99.7, 99.8, 99.8, 99.8],
            },
            {
                "label": "基础设施",
                "value": "102,311",
                "unit": "台",
                "note": "在线感知设备",
                "values": [101, 102, 102, 101, 100, 102, 103, 102, 102, 102],
            },
        ],
        "before": {"at": at - timedelta(hours=1), "place": "长宁路515号（近江苏路）", "by": "市政 3 队"},
        "after": {"at": at - timedelta(minutes=20), "place": "长宁路515号（近江苏路）", "by": "市政 3 队"},
    }


@door("open", "public")
def page(request: HttpRequest) -> HttpResponse:
    """All components; `?surface=desk|command|print` shows them on that surface."""
    if not settings.DEMO:
        raise NotFound
    surface = request.GET.get("surface", "phone")
    chosen = surface if surface in SURFACES else "phone"
    return render(request, f"shared/style_{chosen}.html", _context(clock.now()))
