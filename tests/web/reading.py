"""Reads a page as a browser would: its text by language, and what a strict content security policy would refuse."""

from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Reading(HTMLParser):
    """`chinese` holds the text outside any lang="zh"; `refused` what the policy would not run or apply."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.stack: list[tuple[str, bool]] = []
        self.said: list[str] = []
        self.refused: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        quoted = own.get("lang", "") in {"zh", "zh-CN"} or bool(self.stack and self.stack[-1][1])
        if tag == "style" or any(name == "style" or name.startswith("on") for name in own):
            self.refused.append(self.get_starttag_text() or tag)
        if tag == "script" and "src" not in own and own.get("type") not in {"application/json"}:
            self.refused.append(self.get_starttag_text() or tag)
        if not quoted:
            self.said += [
                value for name in ("aria-label", "placeholder", "alt", "title") if (value := own.get(name))
            ]
        if tag not in VOID:
            self.stack.append((tag, quoted))

    def handle_endtag(self, tag: str) -> None:
        while self.stack:
            if self.stack.pop()[0] == tag:
                return

    def handle_data(self, data: str) -> None:
        inside = [tag for tag, _ in self.stack]
        if data.strip() and not (self.stack and self.stack[-1][1]) and "script" not in inside:
            self.said.append(data.strip())
