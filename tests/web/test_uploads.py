"""Ten gigabytes sent to a material: refused early, with bounded memory and disk, whether their length is told or not."""

import socket
from pathlib import Path

import pytest

from tests.house import House

MB = 1024 * 1024
ZEROS = bytes(MB)
WHERE = "/drafts/00000000000000000000000000/materials/"


def peak_kb(house: House) -> int:
    """The most memory that the web processes ever held."""
    lines = [Path(f"/proc/{pid}/status").read_text() for pid in house.pids("web")]
    return sum(int(text.split("VmHWM:")[1].split()[0]) for text in lines)


def sent_until_refused(house: House, announced: bool) -> tuple[int, bytes]:
    """Megabytes that the server let us send of ten gigabytes of zeros, and what it said."""
    head = f"POST {WHERE} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\n"
    head += "Content-Type: multipart/form-data; boundary=x\r\n"
    head += "Content-Length: 10737418240\r\n\r\n" if announced else "Transfer-Encoding: chunked\r\n\r\n"
    piece = ZEROS if announced else b"%x\r\n" % MB + ZEROS + b"\r\n"
    with socket.create_connection(("127.0.0.1", house.port), timeout=20) as wire:
        wire.sendall(head.encode())
        sent = 0
        wire.settimeout(0.2)
        said = b""
        try:
            while sent < 10_240 and not said:
                if announced or sent > 30:
                    try:
                        said = wire.recv(65536)
                        break
                    except TimeoutError:
                        pass
                wire.settimeout(20)
                wire.sendall(piece)
                sent += 1
                wire.settimeout(0.2)
            while more := wire.recv(65536):
                said += more
        except OSError:
            pass  # the server closed: there is nothing more to say
        return sent, said


@pytest.mark.parametrize("announced", [True, False], ids=["length told", "chunked"])
def test_ten_gigabytes_are_refused_early(house: House, announced: bool) -> None:
    before, processes = peak_kb(house), house.pids("web")
    sent, said = sent_until_refused(house, announced)
    assert sent <= 64
    assert b" 413 " in said.split(b"\r\n")[0]
    assert "太大".encode() in said and b"Too large" in said
    assert peak_kb(house) - before < 64 * 1024
    assert house.pids("web") == processes
    assert house.ask("GET", "/static/img/icon.svg").status == 200
