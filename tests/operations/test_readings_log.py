"""The log of readings: what was acknowledged is there after any kill, in order, once."""

import threading
from concurrent.futures import Future
from pathlib import Path

import numpy as np

from liangwang.operations.readings_log import READINGS, Position, Reader, Writer, packed, read_range, unpacked
from liangwang.rules.state import Batch


def payloads(root: Path, positions: dict[str, Position] | None = None) -> list[bytes]:
    return [record.payload for record in Reader(root, positions).read()]


def test_many_writers_in_one_process_share_fsyncs_and_lose_nothing(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    done: list[Future[None]] = []

    def send(who: int) -> None:
        done.extend(writer.append(READINGS, f"{who}/{n}".encode()) for n in range(50))

    threads = [threading.Thread(target=send, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in done:
        one.result(timeout=10)
    assert sorted(payloads(tmp_path)) == sorted(f"{who}/{n}".encode() for who in range(8) for n in range(50))
    writer.close()


def test_a_torn_tail_is_cut_and_the_folder_is_taken_again(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.append(READINGS, b"whole").result()
    writer.close()
    segment = tmp_path / "w0" / "00000001.log"
    whole = segment.read_bytes()
    for torn in (whole[:5], whole[:-1], whole[:9] + b"wrong"):
        segment.write_bytes(whole + torn)
        assert payloads(tmp_path) == [b"whole"]
        again = Writer(tmp_path)
        assert again.folder.name == "w0"
        assert segment.read_bytes() == whole
        again.close()


def test_a_second_process_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    first, second = Writer(tmp_path), Writer(tmp_path)
    assert [first.folder.name, second.folder.name] == ["w0", "w1"]
    first.close()
    second.close()


def test_a_reader_goes_on_where_it_was_over_segments(tmp_path: Path) -> None:
    writer = Writer(tmp_path, segment_bytes=40)
    reader, seen = Reader(tmp_path), []
    for n in range(30):
        writer.append(READINGS, f"record {n}".encode()).result()
        if n % 7 == 0:
            seen += [record.payload for record in reader.read(most_bytes=30)]
            reader = Reader(tmp_path, reader.positions)
    while fresh := [record.payload for record in reader.read(most_bytes=30)]:
        seen += fresh
    assert seen == [f"record {n}".encode() for n in range(30)]
    assert len(list((tmp_path / "w0").glob("*.log"))) > 3
    end = reader.positions["w0"]
    assert [r.payload for r in read_range(tmp_path, "w0", Position(), end)] == seen
    writer.close()


def test_readings_come_back_as_they_were_packed() -> None:
    batch = Batch(np.array([3], np.int32), np.array([5]), np.array([7]), np.array([1.5]))
    back, received = unpacked(packed(batch, 11))
    assert received == 11
    assert all(np.array_equal(a, b) for a, b in zip(batch, back, strict=True))
