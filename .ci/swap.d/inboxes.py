"""inbox -> servers: our `inbox` fetches from other POP3 servers."""

from fetchers import fetched
from letters import *
from maildirs import ADD_ALICE, belongs_to_mail, courier, dovecot
from stage import *

GROUP = "`inbox` → servers"


def inbox(stage, word, *options, password="wonderland", status=0):
    stage.write("password", password + "\n")
    return stage.ours(
        "inbox", "--server", f"127.0.0.1:{word}", "--user", "alice", "--password-file", "password", *options,
        status=status,
    )


def is_emptied(stage, word, left):
    """`inbox` shows the letters and leaves them; with --into it has them, and they are gone."""
    shown = inbox(stage, word).stdout.decode()
    for text in [SUBJECT, "Größe, 你好", "plain", "the last line"]:
        demand(text in shown, f"`inbox` does not show {text}")
    demand(left() == 2, f"`inbox` left {left()} letters on the server, due 2")
    wrong = inbox(stage, word, password="wrong", status=1)
    demand(wrong.stderr, "it does not say what is wrong")
    box = stage.folder / "got"
    inbox(stage, word, "--into", str(box))
    files = [file for part in ["new", "cur"] for file in (box / part).iterdir()]
    due = {body_of(letter) for letter in [LETTER, PLAIN]}
    demand(len(files) == 2, f"{len(files)} letters are in the Maildir, due 2")
    for file in files:
        demand(b"\r" not in file.read_bytes(), "there are CRs in a file")
    demand({body_of(file.read_bytes()) for file in files} == due, "the bodies differ")
    demand(left() == 0, f"{left()} letters are still on the server")


def their_box(stage):
    """A Maildir with two letters, that another server has."""
    box = stage.folder / "box"
    for part in ["new", "cur", "tmp"]:
        (box / part).mkdir(parents=True)
    for number, letter in enumerate([LETTER, PLAIN]):
        (box / "new" / f"170000000{number}.M1P1.b").write_bytes(letter)
    return box


def count(box):
    return len([file for part in ["new", "cur"] for file in (box / part).iterdir()])


def body_of(letter):
    return letter.partition(b"\n\n")[2]


@row(GROUP, "Dovecot", "dovecot-pop3d")
def inbox_of_dovecot(stage):
    """Two letters are shown and stay; a wrong password: exit status 1; `--into` has their
    bodies, octet for octet, and they are gone."""
    box = their_box(stage)
    stage.words["MAILDIR"] = str(box)
    belongs_to_mail(stage, box)
    dovecot(stage, "pop3")
    is_emptied(stage, "DOVECOT_PORT", lambda: count(box))


@row(GROUP, "Courier", "courier-pop")
def inbox_of_courier(stage):
    """Two letters are shown and stay; a wrong password: exit status 1; `--into` has their
    bodies, octet for octet, and they are gone."""
    box = their_box(stage)
    courier(stage, box, box)
    is_emptied(stage, "COURIER_PORT", lambda: count(box))


@row(GROUP, "popa3d", "popa3d")
def inbox_of_popa3d(stage):
    """Two letters are shown and stay; a wrong password: exit status 1; `--into` has their
    bodies, octet for octet, and they are gone."""
    port = stage.port("POPA3D_PORT")
    machine = Machine(stage, "popa3d", "popa3d")
    machine.run("sh", "-ec", ADD_ALICE)
    mbox = b""
    for letter in [LETTER, PLAIN]:
        mbox += b"From bob@b.example Thu Nov 26 10:00:00 2026\n" + letter + b"\n"
    machine.run("sh", "-c", "cat > /var/mail/alice; chown alice /var/mail/alice", input=mbox)
    # By itself it knows port 110 only.
    machine.start(python(), HERE / "inetd.py", port, "/usr/sbin/popa3d", port=port)
    left = lambda: int(machine.run("sh", "-c", "grep -c '^From bob@' /var/mail/alice || true").stdout)
    is_emptied(stage, "POPA3D_PORT", left)
