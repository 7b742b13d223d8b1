from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from framegauge.runtime.sources.ffv1 import Checksums


@pytest.fixture(scope="module")
def packets(clips: Path) -> list[bytes]:
    with av.open(str(clips / "reference10.mkv")) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def verdicts(packets: list[bytes]) -> Iterator[bool]:
    checksums = Checksums()
    return (checksums.damaged(packet) for packet in packets)


def flipped(packet: bytes, place: int) -> bytes:
    return packet[:place] + bytes([packet[place] ^ 1]) + packet[place + 1 :]


def test_intact_frames_are_not_damaged(packets: list[bytes]) -> None:
    assert not any(verdicts(packets))


@pytest.mark.parametrize("place", [0, 100, 5000, -1, -6])
def test_one_bit_is_noticed(packets: list[bytes], place: int) -> None:
    damaged = flipped(packets[3], place % len(packets[3]))

    assert list(verdicts([*packets[:3], damaged])) == [False, False, False, True]


def test_a_stream_without_checksums_is_left_to_the_decoder() -> None:
    assert not any(verdicts([bytes(range(200)), bytes(300)]))
