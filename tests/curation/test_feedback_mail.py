# SPDX-License-Identifier: Apache-2.0
"""Mail to a real server: threads, logins, TLS; nothing that an image says becomes a header, markup or a mention."""

import json
import ssl
from collections.abc import Iterator

import pytest
from feedback_stand import LOOPBACK, FeedbackStand
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from webhook_stand import Receiver, Stand

from mail_server import MailServer, text_of
from tidegate.clock import system_clock
from tidegate.curation.feedback.channel import Channel, ChannelKind, Security, check_address
from tidegate.curation.feedback.mail import Letter, Mailer, written
from tidegate.curation.feedback.notice import Affected, Cause, Fix, Notice, Objection, Severity, Turn
from tidegate.curation.feedback.sarif import sarif_of
from tidegate.curation.feedback.wording import comment_of, html_of, issue_of, marker_of, subject_of
from tidegate.curation.feedback.wording import text_of as plain_of
from tidegate.errors import InvalidInputError
from tidegate.identity.own_certificate import own_certificate
from tidegate.outbound.reach import Reach


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server on this machine, and of who trusts it."""
    made = own_certificate(tmp_path_factory.mktemp("tls"), ("localhost", "127.0.0.1"), system_clock)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    return context, ssl.create_default_context(cafile=str(made.authority))


@pytest.fixture
def told(stand: Stand, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> FeedbackStand:
    made = FeedbackStand(stand=stand, mailer=Mailer(LOOPBACK, tls=tls[1]))
    made.owner("team", email="team@example.com")
    return made


def _told_once(told: FeedbackStand) -> None:
    told.take_up("one")
    told.wait(seconds=11)
    assert told.tell() == 1


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "tls"])
def test_mail_goes_by_tls_to_whoever_shows_a_login(
    told: FeedbackStand, tls: tuple[ssl.SSLContext, ssl.SSLContext], implicit: bool
) -> None:
    security = Security.TLS if implicit else Security.STARTTLS
    with MailServer(tls=tls[0], implicit=implicit, login=None if implicit else ("gate", "pass word")) as server:
        login = {} if implicit else {"user": "gate", "secret": "pass word"}
        told.mail(server.port, security=security, **login)
        _told_once(told)
        assert [one.problem for one in told.messages()] == [""]
        ((to, message),) = server.got
    assert (to, message["To"], message["From"]) == (["team@example.com"], "team@example.com", "gate@example.com")
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert "pip install 'h11==0.16.0'" in text_of(message)


def test_a_wrong_password_is_tried_again_and_never_shown(
    told: FeedbackStand, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    with MailServer(tls=tls[0], login=("gate", "right")) as server:
        told.mail(server.port, security=Security.STARTTLS, user="gate", secret="wrong-and-secret")
        _told_once(told)
    (message,) = told.messages()
    assert message.state == "waiting"
    assert "535" in message.problem
    assert "wrong-and-secret" not in message.problem


def test_a_server_nobody_vouches_for_hears_no_password(
    stand: Stand, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    told = FeedbackStand(stand=stand, mailer=Mailer(LOOPBACK, tls=ssl.create_default_context()))
    with MailServer(tls=tls[0], login=("gate", "x")) as server:
        told.mail(server.port, security=Security.STARTTLS, user="gate", secret="x")
        _told_once(told)
        assert server.got == []
    assert "certificate" in told.messages()[0].problem


def test_a_password_is_not_sent_in_the_clear(told: FeedbackStand) -> None:
    with pytest.raises(InvalidInputError, match="in the clear"):
        told.mail(25, user="gate", secret="x", security=Security.NONE)


def test_a_mail_server_inside_is_not_called_unless_it_was_opened(stand: Stand) -> None:
    told = FeedbackStand(stand=stand, mailer=Mailer(Reach()))
    with MailServer() as server:
        told.mail(server.port)
        _told_once(told)
        assert server.got == []
    assert "not public" in told.messages()[0].problem


def test_what_is_refused_for_ever_is_given_up_and_what_is_not_is_tried_again(told: FeedbackStand) -> None:
    with MailServer(refuses=["451 later", "", "550 never"]) as server:
        told.mail(server.port)
        _told_once(told)
        told.wait(seconds=10)
        assert told.tell() == 1
        told.take_up("two", key="another")
        told.wait(seconds=11)
        assert told.tell() == 1
        (message,) = server.wait_for(1)
    assert sorted(one.state for one in told.messages()) == ["dead", "done"]
    name = next(one.id for one in told.messages() if one.state == "done")
    assert message["Message-ID"] == f"<{name}@example.com>"


def test_a_server_that_is_not_there_and_one_that_speaks_no_smtp_hold_up_no_webhook(
    stand: Stand, receiver: Receiver
) -> None:
    told = FeedbackStand(stand=stand, receivers=(receiver,))
    told.mail(receiver.port)
    told.hook(receiver)
    told.take_up("one")
    told.wait(seconds=11)
    told.composer.once()
    assert told.sender.serve("hook") == 1
    assert len(receiver.got) == 1


def _notice(text: str, turn: Turn = Turn.OPENED) -> Notice:
    return Notice(
        case="c" * 32,
        revision=1,
        turn=turn,
        cause=Cause.REJECTED,
        severity=Severity.HIGH,
        owner=text,
        owner_by=text,
        why=text,
        objections=(Objection(message=text, item=text, fix=text),),
        affected=(Affected(subject=text, repository=text, tags=(text,), mended=text),),
        affected_in_all=1,
        fixes=(Fix(what=text, commands=(text,), passes=True, proof=text, left=(text,)),),
        passports=(text,),
        opened_at="2027-01-01T00:00:00Z",
    )


_NASTY = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        [
            "x\r\nBcc: victim@example.com",
            "<img src=x onerror=alert(1)><script>alert(1)</script>",
            "[click](javascript:alert(1)) ![](http://evil/x.png) @everyone #1 --> <!-- x",
            "```\n# mine\n```",
            "\x1b[2J\u202e\x00\ud800",
            "https://evil.example www.evil.example mail@evil.example",
        ]
    ),
)


@pytest.mark.property
@given(_NASTY, st.sampled_from([Turn.OPENED, Turn.CHANGED, Turn.CLOSED]))
def test_nothing_an_image_says_becomes_a_header_markup_or_a_control(text: str, turn: Turn) -> None:
    notice = _notice(text, turn)
    plain, page = plain_of((notice,)), html_of((notice,))
    for form in (plain, page, issue_of(notice), comment_of(notice), subject_of(notice)):
        assert all(letter == "\n" or letter.isprintable() or letter == "\u200b" for letter in form)
    assert {part.split(">")[0].strip("/ ") for part in page.split("<")[1:]} <= {
        "!DOCTYPE html", "html", "body", "p", "pre",
    }  # fmt: skip
    channel = Channel(name="m", kind=ChannelKind.EMAIL, host="h", sender="gate@example.com")
    letter = Letter(
        message="m",
        threads=("t",),
        to="a@example.com",
        subject=subject_of(notice),
        text=plain,
        html=page,
        at=system_clock(),
    )
    raw = bytes(written(channel, letter))
    head = raw.partition(b"\r\n\r\n")[0].lower()
    assert b"\r\nbcc:" not in head
    assert head.count(b"\r\nsubject:") == 1
    for body in (issue_of(notice), comment_of(notice)):
        found = list(_inline(body))
        assert not {"image", "link_open", "html_inline"} & set(found), (body, found)
    assert comment_of(notice).startswith(marker_of(notice) + "\n")
    assert json.loads(sarif_of(notice, version="1"))["version"] == "2.1.0"


def _inline(body: str) -> Iterator[str]:
    for block in MarkdownIt("commonmark").parse(body):
        if block.type == "html_block":
            assert block.content.strip() == f"<!-- tidegate-feedback:{'c' * 32} -->"
        yield from (one.type for one in block.children or ())


def test_a_comment_keeps_its_marker_for_the_whole_thread() -> None:
    opened, closed = _notice("x"), _notice("y", Turn.CLOSED)
    assert comment_of(opened).splitlines()[0] == comment_of(closed).splitlines()[0]
    assert json.loads(sarif_of(closed, version="1"))["runs"][0]["results"] == []


@pytest.mark.parametrize(
    "text", ["", "a", "a@", "@b", "a@b\n", "a b@c", "a@b,c@d", "<a@b>", "ä@b.c", "a@b;c", "a@b " * 99]
)
def test_an_address_is_one_address(text: str) -> None:
    with pytest.raises(InvalidInputError):
        check_address(text)
