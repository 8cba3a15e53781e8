"""The command `liangwang`: one table of subcommands, each imported only when it is called."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

Argument = tuple[tuple[str, ...], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: what it says of itself, the function that does it, and its arguments for argparse."""

    name: str
    help: str
    does: str
    arguments: tuple[Argument, ...] = ()


def _arg(*names: str, **options: object) -> Argument:
    return names, options


JSON_FLAG = _arg("--json", action="store_true", help="一个 JSON 对象 · one JSON object")

COMMANDS: tuple[Command, ...] = (
    Command("run", "启动全部进程 · start every process under one supervisor", "liangwang.supervise:run"),
    Command("web", "一个网页进程 · one web process", "liangwang.server:main"),
    Command(
        "live",
        "实时进程：判读数、开案件、派单 · judge readings, open incidents, dispatch",
        "liangwang.operations.live:main",
    ),
    Command(
        "worker", "后台进程：事件、长任务、审计 · outbox, long jobs, audit sequencer", "liangwang.worker:main"
    ),
    Command(
        "mqtt",
        "接收 MQTT 读数(需 [nats]) · take readings over MQTT (needs [nats])",
        "liangwang.operations.mqtt:main",
    ),
    Command(
        "broker",
        "自带的 MQTT broker(需 [nats]) · the house's own MQTT broker (needs [nats])",
        "liangwang.supervise:be_broker",
    ),
    Command(
        "demo",
        "载入演示城市 · load the demo city",
        "liangwang.demo:load",
        (
            _arg("--people", type=int, default=20_000, metavar="N", help="人数 · number of people"),
            _arg("--seed", type=int, default=1, metavar="S", help="随机种子 · seed"),
        ),
    ),
    Command(
        "demo-day",
        "演示的一天：读数、办件、记录陆续到来 · a demo day arrives while you watch",
        "liangwang.demo:day",
    ),
    Command(
        "check",
        "检查应用声明 · inspect the packs",
        "liangwang.check:main",
        (_arg("packs", nargs="*", help="只查这些应用 · only these packs"), JSON_FLAG),
    ),
    Command(
        "bench",
        "性能测试 · run a benchmark beside its baseline",
        "liangwang.bench:main",
        (
            _arg("name", nargs="?", default="all", help="house,或 all · one name, or all"),
            _arg(
                "--scale",
                type=float,
                metavar="X",
                help="全量的几分之几 · share of the whole size",
            ),
            JSON_FLAG,
        ),
    ),
    Command(
        "try-source",
        "按约定检查一个文件，不留下任何东西 · hold a file to its source's contract, keep nothing",
        "liangwang.hub.commands:try_source",
        (
            _arg("source", help="应用:来源 · pack:source"),
            _arg("file", help="CSV 或 Parquet · CSV or Parquet"),
        ),
    ),
    Command(
        "issue-key",
        "发一把报送密钥，只显示一次 · issue the key with which an office delivers, shown once",
        "liangwang.hub.commands:issue_key",
        (
            _arg("source", help="应用:来源 · pack:source"),
            _arg("--office", required=True, help="单位的键 · the office's key"),
            _arg("--name", default="", help="密钥的名字 · a name for the key"),
        ),
    ),
    Command(
        "replay",
        "一天按别的规则、计划、兵力、时限再跑一遍，两种结果并排 · a day run again under other rules, plans, forces, limits",
        "liangwang.operations.replay:command",
        (
            _arg("day", help="2026-11-23"),
            _arg("--against", default="", metavar="DRAFT", help="规则草稿的编号 · ref of a rule draft"),
            _arg("--forces", type=float, default=1.0, metavar="X", help="队伍的几倍 · times the crews"),
            _arg("--within", type=float, default=1.0, metavar="X", help="时限的几倍 · times the limits"),
            _arg(
                "--plan",
                default="",
                metavar="PACK:PLAN",
                help="换成哪个计划 · a plan in place of its pack's others",
            ),
            _arg("--seed", type=int, default=1, metavar="S", help="随机种子 · seed"),
        ),
    ),
    Command(
        "import-streets",
        "把 OpenStreetMap 的 PBF 文件变成派遣用的路网 · make the street graph of dispatch from an OpenStreetMap extract",
        "liangwang.operations.commands:import_streets",
        (_arg("file", help="FILE.osm.pbf"),),
    ),
    Command(
        "verify-log",
        "核验审计日志 · verify the audit log and its checkpoints",
        "liangwang.base.verify:verify_log",
    ),
    Command(
        "verify-receipt",
        "离线核验回执 · verify a receipt offline",
        "liangwang.base.receipts:verify_receipt",
        (
            _arg("file", help="回执文件 · the receipt file"),
            _arg("--keys", default="", metavar="FILE", help="公钥文件 · public keys (DATA/audit/keys.txt)"),
        ),
    ),
    Command(
        "verify-archive",
        "核验办件档案 · verify the archive of a finished case",
        "liangwang.services.archive:verify_archive",
        (
            _arg("file", help="档案文件 · the archive file"),
            _arg("--key", default="", metavar="KEY", help="公布的公钥 · the published key (Ed25519, base64)"),
        ),
    ),
    Command(
        "verify-certificate",
        "离线核验证照 · verify a certificate offline",
        "liangwang.services.certificate_command:verify_certificate",
        (
            _arg("what", help="证照 PDF，或二维码的文字 · the PDF, or the text of its code"),
            _arg(
                "--keys",
                default="",
                metavar="FILE",
                help="公布的公钥 · the published keys (/api/v1/certificates/keys)",
            ),
        ),
    ),
    Command(
        "generate-records",
        "虚构的报送文件和真值 · invented deliveries of the declared sources, and their truth",
        "liangwang.hub.generate_files:main",
        (
            _arg("--people", type=int, default=20_000, metavar="N", help="人数 · people in the register"),
            _arg(
                "--rows", type=int, default=100_000, metavar="M", help="行数 · rows of all sources together"
            ),
            _arg("--seed", type=int, default=1, metavar="S", help="随机种子 · seed"),
            _arg("--out", required=True, metavar="DIR", help="目录 · folder"),
            _arg("--source", nargs="*", default=(), help="只要这些来源 · only these sources"),
            _arg("--formats", nargs="*", default=("parquet", "csv"), help="parquet csv"),
        ),
    ),
    Command(
        "generate-items",
        "虚构的演示事项目录 · an invented catalogue of demo items, as a pack",
        "liangwang.services.generate_items:main",
        (
            _arg("--count", type=int, default=2300, metavar="N", help="事项数 · items"),
            _arg("--seed", type=int, default=1, metavar="S", help="随机种子 · seed"),
            _arg("--out", required=True, metavar="DIR", help="应用包所在目录 · folder of packs"),
        ),
    ),
    Command(
        "train-links",
        "训练并启用无号码记录的关联模型 · train the model that links records without a number",
        "liangwang.hub.link_training:main",
        (
            _arg("--records", type=int, default=200_000, metavar="N", help="记录数 · about so many records"),
            _arg(
                "--file",
                default="",
                metavar="FILE",
                help="启用这个模型文件 · put this model file in force instead",
            ),
            _arg("--off", action="store_true", help="停用模型 · link by no model"),
        ),
    ),
    Command(
        "items",
        "导出、导入事项（实施清单 CSV、CPSV-AP JSON-LD） · export and import items (CSV, CPSV-AP JSON-LD)",
        "liangwang.services.exchange:items",
        (
            _arg("act", choices=("export", "import"), help="export import"),
            _arg("--csv", default="", metavar="FILE", help="CSV 文件 · a CSV file"),
            _arg("--jsonld", default="", metavar="FILE", help="JSON-LD 文件 · a JSON-LD file"),
            _arg("--only", default="", metavar="PACK:KEY", help="只导出这一项 · export this one only"),
            _arg("--publish", action="store_true", help="导入后即生效 · in force at once, else drafts"),
        ),
    ),
    Command(
        "export-pack",
        "把工作台上的修改写回 YAML · write desk versions back to YAML",
        "liangwang.base.export:export_pack",
        (
            _arg("pack", help="应用名 · the pack's key"),
            _arg("--to", default="", metavar="DIR", help="目录 · folder"),
        ),
    ),
)


def parser() -> argparse.ArgumentParser:
    """The command line, built from the table."""
    top = argparse.ArgumentParser(
        prog="liangwang", description="两网 · the open platform on which a city runs"
    )
    chosen = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        sub = chosen.add_parser(command.name, help=command.help, description=command.help)
        for names, options in command.arguments:
            sub.add_argument(*names, **options)  # type: ignore[arg-type]
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand; its function's answer is the exit status (None is 0)."""
    given = vars(parser().parse_args(argv))
    name = given.pop("command")
    command = next(command for command in COMMANDS if command.name == name)
    # The supervisor itself never touches the database: it starts in 50 ms without Django.
    if command.name != "run":
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "liangwang.settings")
        import django

        from liangwang.supervise import die_with_parent

        die_with_parent()
        django.setup()
    module, _, function = command.does.partition(":")
    does: Callable[..., int | None] = getattr(import_module(module), function)
    return does(**given) or 0


if __name__ == "__main__":
    sys.exit(main())
