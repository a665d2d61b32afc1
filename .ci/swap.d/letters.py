"""The letters that the rows send, and what must be true of a file that holds one."""

import email
import email.policy
import re

from stage import Differs, demand, same

# A finished letter with all that goes wrong on the way: dots, "From " at the beginning of a line,
# blanks at the end, lines of 998 octets, characters that are not ASCII, empty lines at the end.
LETTER = """\
From: Bob <bob@b.example>
To: Alice <alice@a.example>
Subject: =?utf-8?B?R3LDvMOfZSDkvaDlpb0=?=
Date: Thu, 26 Nov 2026 10:00:00 +0000
Message-ID: <swap-1@b.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit
X-Folded: one
 two

.
..
.dots at the beginning
From the first word on
three blanks at the end   
Größe, 你好
{}

.
the last line

""".format("x" * 998).encode()

# The same without what some programs change by rule.
PLAIN = b"""\
From: Bob <bob@b.example>
To: Alice <alice@a.example>
Subject: plain
Date: Thu, 26 Nov 2026 10:00:00 +0000
Message-ID: <swap-2@b.example>

.
..
.dots at the beginning
the last line
"""

SUBJECT = "Grüße 你好"
BODY = ".\n..\n.Punkte am Anfang\nSchöne Grüße\n你好,世界\nthe last line\n"
ATTACHMENT = "Größe 大小.txt"
ATTACHED = "Inhalt: Größe\n内容:大小\n".encode()


def trace(file, letter, what="the letter"):
    """The file is trace fields, and then the letter, octet for octet. Returns the trace fields."""
    demand(b"\r" not in file, f"{what}: there are CRs in the file")
    if not file.endswith(letter):
        header, _, body = file.partition(b"\n\n")
        same(body, letter.partition(b"\n\n")[2], f"{what}: the body")
        raise Differs(f"{what}: the header differs: {header[-200:]!r}")
    fields = file[: len(file) - len(letter)].decode()
    demand(re.match(r"Return-Path: <.*>\nReceived: ", fields), f"{what}: no trace fields: {fields!r}")
    return fields


def body_and_fields(file, letter, added, what="the letter"):
    """As `trace`, but the program may have added fields of these names, anywhere in the header."""
    demand(b"\r" not in file, f"{what}: there are CRs in the file")
    header, _, body = file.partition(b"\n\n")
    due_header, _, due_body = letter.partition(b"\n\n")
    same(body, due_body, f"{what}: the body")
    came, due = fields_of(header), fields_of(due_header)
    known = {name.lower() for name in ["Return-Path", "Received", *added]}
    extra = [field for field in came if field not in due]
    wrong = [f for f in extra if f.split(b":")[0].decode().lower() not in known]
    demand(not wrong, f"{what}: fields that were not there: {wrong}")
    lost = [field for field in due if field not in came]
    demand(not lost, f"{what}: fields that are gone: {lost}")
    return header.decode(errors="replace")


def fields_of(header):
    return [field for field in re.split(rb"\n(?![ \t])", header)]


def authenticated(header):
    """The topmost Received field tells that the client had proved who it is."""
    first = header.split("Received:")[1]
    demand("with ESMTPA" in first, f"not `with ESMTPA`: {first.strip()!r}")


def composed(file, subject=SUBJECT, body=BODY, attachment=ATTACHMENT):
    """What a mail program made of a subject, a text and an attachment, as Python reads it."""
    demand(b"\r" not in file, "there are CRs in the file")
    letter = email.message_from_bytes(file, policy=email.policy.default)
    demand(letter["Subject"] == subject, f"the subject is {letter['Subject']!r}")
    text = letter.get_body(["plain"]) if letter.is_multipart() else letter
    same(text.get_content().rstrip("\n"), body.rstrip("\n"), "the text")
    if attachment:
        parts = list(letter.iter_attachments())
        demand(len(parts) == 1, f"{len(parts)} attachments")
        demand(parts[0].get_filename() == attachment, f"its name is {parts[0].get_filename()!r}")
        same(parts[0].get_payload(decode=True), ATTACHED, "the attachment")
    return file.partition(b"\n\n")[0].decode(errors="replace")
