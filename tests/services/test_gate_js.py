"""The gate's own verifier in JavaScript says the same as the server's, and accepts no mutation."""

import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from liangwang import settings
from liangwang.services import code_tokens, gate_list
from tests.hub.factories import AT

NODE = shutil.which("node")
JUDGE = Path(settings.ROOT) / "liangwang/web/static/js/gate/judge.mjs"
PROGRAM = """
import { judge, listOf, Seen } from %s;
const { given, codes } = JSON.parse(await new Response(process.stdin).text());
const list = await listOf(given);
const said = [];
for (const [text, at] of codes) said.push(await judge(text, list, new Seen(), at));
console.log(JSON.stringify(said));
"""


def judged(given: dict[str, object], codes: list[tuple[str, int]]) -> list[dict[str, object]]:
    program = PROGRAM % json.dumps(JUDGE.as_uri())
    asked = json.dumps({"given": given, "codes": codes})
    command = [str(NODE), "--input-type=module", "-e", program]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    said: list[dict[str, object]] = json.loads(done.stdout)
    return said


@pytest.mark.skipif(NODE is None, reason="no Node on this machine")
def test_the_browser_verifies_as_the_server_does(data_dir: Path) -> None:
    code_tokens.forget_keys()
    now = int(AT.timestamp())
    revoked = code_tokens.nonce(9, now // code_tokens.NONCE_SLOT_S, 3)
    claims = {
        1: "31",
        6: now,
        4: now + 86_400,
        gate_list.ORDER: "演示〔2020〕1号",
        gate_list.FLOOR: now - 300,
        gate_list.REVOKED: revoked,
        gate_list.VERDICTS: ["green", "yellow", "red"],
    }
    given = {
        "list": code_tokens.list_signer().mint(claims),
        "key": code_tokens.public_key(),
        "life_s": code_tokens.LIFE_S,
        "skew_s": 60,
    }

    def code(subject: int, ago_s: int = 0, status: int | None = 3) -> str:
        at = AT - timedelta(seconds=ago_s)
        return code_tokens.signed(subject, issuer="31", name="张*", status=status, until_day=18_373, at=at)[0]

    good = code(7)
    posing = code_tokens.PREFIX + str(given["list"])[len(code_tokens.LIST_PREFIX) :]
    mutants = [good[:at] + ("1" if good[at] == "0" else "0") + good[at + 1 :] for at in range(4, len(good))]
    cases = [good, code(7, status=None), code(9), code(7, ago_s=400), code(7, ago_s=700), posing, "HELLO"]
    said = judged(given, [(text, now) for text in [*cases, *mutants]])
    assert said[0] == {"look": "red", "status": "red", "until": "2020-04-21", "name": "张*", "count": True}
    assert [one["look"] for one in said[1:7]] == ["none", "cross", "cross", "cross", "cross", "cross"]
    assert [one.get("reason") for one in said[1:7]] == [
        "no_status",
        "revoked",
        "revoked",
        "expired",
        "forged",
        "unreadable",
    ]
    assert {one["look"] for one in said[7:]} == {"cross"}
    code_tokens.forget_keys()
