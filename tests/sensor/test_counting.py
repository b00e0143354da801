# SPDX-License-Identifier: Apache-2.0
"""Connections of pods: which way they go, how often, and that each is told until the server has it."""

from tidegate.execution.network.endpoint import Protocol
from tidegate.execution.network.flow_report import MAX_FLOWS, CountedFlow
from tidegate.execution.observation import Container
from tidegate.sensor.counting import MAX_WAITING, Counting
from tidegate.sensor.sockets import Link, Sockets, _told, parse_sockets

POD = Container(id="a" * 64, namespace="shop", pod="web-0")
HEAD = b"  sl  local_address rem_address   st\n"
TABLE = HEAD + b"".join(
    b"   0: %s rest\n" % line
    for line in (
        b"00000000:1F90 00000000:0000 0A",  # listens at 8080
        b"0700010A:1F90 0900010A:9C40 01",  # somebody is there
        b"0700010A:1F90 0900010A:9C42 06",  # and was, a moment ago
        b"0700010A:D431 050071CB:01BB 01",  # it asks elsewhere, at 443
        b"0700010A:0050 0900010A:9C44 01",  # whoever listened at 80 has ended since
        b"0100007F:D433 0100007F:1538 01",  # with itself
        b"0700010A:D435 050071CB:01BC 03",  # half open: nobody has answered yet
    )
)


def inward(protocol: str, address: str, port: int, client_port: int) -> Link:
    return Link(inward=True, protocol=protocol, address=address, port=port, client_port=client_port)


def outward(protocol: str, address: str, port: int, client_port: int) -> Link:
    return Link(inward=False, protocol=protocol, address=address, port=port, client_port=client_port)


def sockets(*links: Link) -> Sockets:
    return Sockets(listens=frozenset(), connects=frozenset(), links=frozenset(links), addresses=frozenset({"10.1.0.7"}))


def test_which_way_a_connection_goes() -> None:
    found = _told(tuple(parse_sockets(TABLE, "tcp")))
    assert sorted(found.links) == [
        outward("tcp", "203.113.0.5", 443, 54321),
        inward("tcp", "10.1.0.9", 80, 40004),
        inward("tcp", "10.1.0.9", 8080, 40000),
        inward("tcp", "10.1.0.9", 8080, 40002),
    ]
    assert found.addresses == {"10.1.0.7"}


def test_each_connection_counts_once_and_is_told_until_the_server_has_it() -> None:
    counting = Counting()
    assert counting.waiting() is None
    first, second = inward("tcp", "10.1.0.9", 8080, 40000), inward("tcp", "10.1.0.9", 8080, 40002)
    counting.look(POD, None, sockets(first))
    counting.look(POD, sockets(first), sockets(first, second))
    counting.look(POD, sockets(first, second), sockets(second))
    report = counting.waiting()
    assert report is not None
    wanted = CountedFlow(container=POD.id, inward=True, address="10.1.0.9", port=8080, protocol=Protocol.TCP, count=2)
    assert report.flows == (wanted,)
    assert report.addresses == {POD.id: ("10.1.0.7",)}
    counting.look(POD, None, sockets(outward("udp", "10.1.0.10", 53, 41000)))
    assert counting.waiting() == report
    counting.settle(report)
    following = counting.waiting()
    assert following is not None
    assert following.id != report.id
    assert [one.protocol for one in following.flows] == [Protocol.UDP]
    counting.settle(following)
    assert counting.waiting() is None


def test_what_is_in_no_pod_is_not_counted() -> None:
    counting = Counting()
    counting.look(Container(id="b" * 64, name="web"), None, sockets(inward("tcp", "10.1.0.9", 8080, 1)))
    assert counting.waiting() is None


def test_there_are_only_so_many_and_what_is_left_out_is_told() -> None:
    counting = Counting()
    scan = sockets(*(outward("tcp", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 22, 1) for n in range(MAX_WAITING + 5)))
    counting.look(POD, None, scan)
    lost = told = 0
    while report := counting.waiting():
        assert len(report.flows) <= MAX_FLOWS
        told, lost = told + len(report.flows), lost + report.lost
        counting.settle(report)
    assert (told, lost) == (MAX_WAITING, 5)
