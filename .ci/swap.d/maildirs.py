"""Maildir: what we deliver, other programs read; what they deliver, our `pop3` serves."""

import imaplib
import mailbox
import poplib

from fetchers import POP3, fetched
from letters import *
from stage import *

OURS = "our Maildir, read by"
THEIRS = "their Maildir, served by `pop3`"


def delivered(stage):
    """A site, of which alice has two letters by SMTP. Returns her mailbox, and its files."""
    site = stage.site()
    stage.serve(site)
    for letter in [LETTER, PLAIN]:
        stage.write("letter", letter)
        stage.ours(
            "send", "--server", "127.0.0.1:SMTP_PORT", "--from", "bob@b.example",
            "--to", "alice@a.example", "--message", "letter", "--quiet",
        )
    files = stage.arrived(site, count=2)
    for file, letter in zip(files, [LETTER, PLAIN]):
        trace(file, letter)
    stage.words["MAILDIR"] = str(site / "mail" / "alice")
    return site / "mail" / "alice", files


def is_mbox_of(mbox, files):
    """A program has copied all letters to an mbox: these are they, octet for octet, but for what the
    form demands."""
    came = mbox.read_bytes()
    for file in files:
        header, _, body = file.partition(b"\n\n")
        for form in [body, body.replace(b"\nFrom ", b"\n>From ")]:
            if form.rstrip(b"\n") in came:
                break
        else:
            raise Differs(f"the mbox lacks a body: {body[:60]!r}")
        for field in fields_of(header):
            demand(field in came, f"the mbox lacks {field!r}")
    demand(b"\r" not in came, "there are CRs in the mbox")


@row(OURS, "mutt", "mutt")
def mutt_reads(stage):
    """It copies all letters to an mbox, and finds one by its subject."""
    _, files = delivered(stage)
    stage.write("muttrc", "set quit=yes\nset confirmappend=no\nset delete=no\nset wait_key=no\n"
                "set mail_check_stats=no\nset charset=utf-8\nset copy=no\nset sort=date-received\n")
    stage.run("touch", "all", "one")
    keys = "<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>=../all<enter>"
    keys += "<untag-pattern>~A<enter><tag-pattern>~s Grüße<enter>"
    keys += "<tag-prefix><copy-message><kill-line>=../one<enter><quit>"
    stage.type(need("mutt"), "-n", "-F", "muttrc", "-f", "MAILDIR", "-e", f"set folder=FOLDER/home; push \"{keys}\"")
    is_mbox_of(stage.folder / "all", files)
    is_mbox_of(stage.folder / "one", files[:1])
    demand(b"Subject: plain" not in (stage.folder / "one").read_bytes(), "it found too much")


@row(OURS, "s-nail", "s-nail")
def s_nail_reads(stage):
    """It lists the subjects, and copies all letters to an mbox."""
    _, files = delivered(stage)
    commands = b"headers\ncopy * FOLDER/all\nexit\n".replace(b"FOLDER", bytes(stage.folder))
    seen = stage.run(need("s-nail"), "-:/", "-Sttycharset=utf-8", "-R", "-f", "MAILDIR", input=commands)
    demand(SUBJECT in seen.stdout.decode(), f"the list has no {SUBJECT}: {seen.stdout.decode()!r}")
    is_mbox_of(stage.folder / "all", files)


@row(OURS, "GNU mailutils", "mailutils")
def mailutils_reads(stage):
    """`messages` counts the letters, `frm` lists them, `mail` copies them to an mbox."""
    _, files = delivered(stage)
    counted = stage.run(need("messages.mailutils", "mailutils"), "maildir:MAILDIR").stdout.decode()
    demand("2" in counted.rsplit(":")[-1], f"messages says {counted!r}")
    listed = stage.run(need("frm.mailutils", "mailutils"), "maildir:MAILDIR", status=None).stdout.decode()
    demand(SUBJECT in listed and "Bob" in listed, f"frm says {listed!r}")
    commands = b"copy * FOLDER/all\nexit\n".replace(b"FOLDER", bytes(stage.folder))
    stage.run(need("mail.mailutils", "mailutils"), "-f", "maildir:MAILDIR", input=commands)
    is_mbox_of(stage.folder / "all", files)


@row(OURS, "Python `mailbox`", "python3")
def mailbox_reads(stage):
    """Each letter, octet for octet, and its fields."""
    box, files = delivered(stage)
    read = mailbox.Maildir(box, factory=None, create=False)
    letters = sorted((read.get_bytes(key) for key in read.keys()), key=len)
    demand(letters == sorted(files, key=len), "the letters are others")
    subjects = {email.message_from_bytes(file)["Subject"] for file in letters}
    demand("plain" in subjects, f"the subjects are {subjects}")


@row(OURS, "notmuch", "notmuch")
def notmuch_reads(stage):
    """It indexes the mailbox, finds a letter by subject and text, and shows it octet for octet."""
    box, files = delivered(stage)
    config = stage.write("notmuchrc", stage.fill(
        "[database]\npath=FOLDER/index\nmail_root=MAILDIR\n[user]\nname=Alice\n"
        "primary_email=alice@a.example\n[new]\ntags=new;\nignore=tmp;pop3.lock\n"))
    (stage.folder / "index").mkdir()
    ask = lambda *words: stage.run(need("notmuch"), *words, NOTMUCH_CONFIG=str(config)).stdout
    ask("new", "--quiet")
    found = ask("search", "--output=messages", "subject:Grüße", "and", "body:Größe").decode().split()
    demand(found == ["id:swap-1@b.example"], f"it found {found}")
    same(ask("show", "--format=raw", found[0]), files[0], "the letter")


DOVECOT = """
base_dir = FOLDER/dovecot
state_dir = FOLDER/dovecot
log_path = FOLDER/dovecot.log
protocols = PROTOCOL
ssl = no
disable_plaintext_auth = no
mail_location = maildir:MAILDIR
first_valid_uid = 1
passdb {
  driver = static
  args = password=wonderland
}
userdb {
  driver = static
  args = uid=mail gid=mail home=FOLDER/mail-home allow_all_users=yes
}
service PROTOCOL-login {
  inet_listener PROTOCOL {
    address = 127.0.0.1
    port = DOVECOT_PORT
  }
  inet_listener PROTOCOLs {
    port = 0
  }
}
"""


def belongs_to_mail(stage, site):
    """Dovecot refuses to work for root: a site that it shares belongs to somebody else."""
    (stage.folder / "mail-home").mkdir(exist_ok=True)
    stage.run("chown", "-R", "mail:mail", site, stage.folder / "mail-home")


def dovecot(stage, protocol):
    """Dovecot, with the mailbox MAILDIR for all users."""
    if os.geteuid() != 0:
        raise Missing("it takes root to run Dovecot")
    need("dovecot", "dovecot-core")
    need({"pop3": "pop3", "imap": "imap"}[protocol], f"dovecot-{protocol}d")
    port = stage.port("DOVECOT_PORT")
    stage.setting("dovecot.conf", DOVECOT.replace("PROTOCOL", protocol))
    stage.start("dovecot", "-F", "-c", "dovecot.conf", port=port)


@row(OURS, "Dovecot (IMAP)", "dovecot-imapd")
def dovecot_imap_reads(stage):
    """Sizes and octets of each letter by IMAP; a search; one letter is marked and expunged."""
    box, files = delivered(stage)
    belongs_to_mail(stage, box.parents[1])
    dovecot(stage, "imap")
    with imaplib.IMAP4("127.0.0.1", stage.words["DOVECOT_PORT"]) as imap:
        imap.login("alice", "wonderland")
        imap.select("INBOX")
        for number, file in enumerate(files, 1):
            answer = imap.fetch(str(number), "(RFC822.SIZE BODY.PEEK[])")[1][0]
            wire = file.replace(b"\n", b"\r\n")
            same(answer[1], wire, f"letter {number}")
            demand(b"RFC822.SIZE %d" % len(wire) in answer[0], f"its size: {answer[0]!r}, due {len(wire)}")
        demand(imap.search(None, 'SUBJECT "plain"')[1] == [b"2"], "the search found others")
        imap.store("2", "+FLAGS", "\\Deleted")
        imap.expunge()
    left = stage.letters(box.parents[1])
    demand(left == files[:1], "the expunged letter is still there, or another one is gone")


@row(OURS, "Dovecot (POP3)", "dovecot-pop3d")
def dovecot_pop3_reads(stage):
    """Sizes and octets of each letter by POP3; one is deleted. Then our own `pop3` serves the rest."""
    box, files = delivered(stage)
    belongs_to_mail(stage, box.parents[1])
    dovecot(stage, "pop3")
    is_read_by_pop3(stage, box, files, "DOVECOT_PORT")


COURIER = """
couriertcpd -address=127.0.0.1 -nodnslookup -noidentlookup COURIER_PORT
/usr/lib/courier/courier/courierpop3login /usr/lib/courier/courier/courierpop3d Maildir
"""


def courier(stage, maildir, folder):
    """Courier's POP3 server; `maildir`, in `folder`, becomes the mailbox of its user alice."""
    port = stage.port("COURIER_PORT")
    machine = Machine(stage, "courier-pop", "courierpop3d")
    stage.settings.append(("", " \\\n".join(COURIER.strip().splitlines())))
    machine.run("sh", "-ec", f"""
{ADD_ALICE}
chown -R alice "$0"
ln -s "$1" /var/alice/Maildir
mkdir -p /run/courier/authdaemon
chown courier /run/courier/authdaemon
""", folder, maildir)
    machine.start("sh", "-c", "authdaemond start; exec sleep 100")
    machine.start("env", "MAILDIRPATH=Maildir", *COURIER.split(), port=port)


# In the layer, and so for the row only.
ADD_ALICE = "useradd --create-home --home-dir /var/alice alice && echo alice:wonderland | chpasswd"


@row(OURS, "Courier (POP3)", "courier-pop")
def courier_pop3_reads(stage):
    """Sizes and octets of each letter by POP3; one is deleted. Then our own `pop3` serves the rest."""
    box, files = delivered(stage)
    courier(stage, box, box.parents[1])
    is_read_by_pop3(stage, box, files, "COURIER_PORT")


def is_read_by_pop3(stage, box, files, port):
    """Another POP3 server has our mailbox: it serves the letters, deletes one, and ours has the rest."""
    client = poplib.POP3("127.0.0.1", stage.words[port], timeout=20)
    client.user("alice"), client.pass_("wonderland")
    wire = [file.replace(b"\n", b"\r\n") for file in files]
    due = (len(files), sum(map(len, wire)))
    demand(client.stat() == due, f"STAT says {client.stat()}, due {due}")
    for number, file in enumerate(files, 1):
        same(fetched(client, number), file, f"letter {number}")
        size = int(client.list(number).split()[2])
        demand(size == len(wire[number - 1]), f"LIST says {size}, due {len(wire[number - 1])}")
    client.dele(1)
    client.quit()
    with POP3(stage, box.parents[1]) as client:
        due = (1, len(wire[1]))
        demand(client.stat() == due, f"our pop3 says {client.stat()}, due {due}")
        same(fetched(client, 1), files[1], "through our pop3")


def is_served(stage, site, letter, added=()):
    """One letter of another program lies in alice's mailbox: our `pop3` serves it."""
    file = stage.arrived(site)[0]
    header = body_and_fields(file, letter, added)
    with POP3(stage, site) as client:
        due = len(file.replace(b"\n", b"\r\n"))
        size = int(client.list(1).split()[2])
        demand(size == due, f"LIST says {size}, due {due}")
        demand(client.stat() == (1, due), f"STAT says {client.stat()}, due (1, {due})")
        same(fetched(client, 1), file, "what our pop3 serves")
        client.dele(1)
    demand(not stage.letters(site), "the letter is still there")
    return header


def mailbox_for(stage):
    site = stage.site()
    stage.words["MAILDIR"] = str(site / "mail" / "alice")
    return site


@row(THEIRS, "procmail", "procmail")
def procmail_delivers(stage):
    """A letter, read by POP3 with the right size, and deleted."""
    site = mailbox_for(stage)
    stage.setting("procmailrc", """
DEFAULT=MAILDIR/
""")
    stage.run(need("procmail"), "-f", "bob@b.example", "FOLDER/procmailrc", input=LETTER)
    is_served(stage, site, LETTER)


@row(THEIRS, "maildrop", "maildrop")
def maildrop_delivers(stage):
    """A letter, read by POP3 with the right size, and deleted."""
    site = mailbox_for(stage)
    stage.setting("mailfilter", """
to "MAILDIR"
""")
    stage.run(need("maildrop"), "-f", "bob@b.example", "FOLDER/mailfilter", input=LETTER)
    is_served(stage, site, LETTER)


@row(THEIRS, "Dovecot LDA", "dovecot-core")
def dovecot_lda_delivers(stage):
    """A letter, read by POP3 with the right size, and deleted."""
    site = mailbox_for(stage)
    belongs_to_mail(stage, site)
    dovecot(stage, "pop3")
    lda = need("dovecot-lda", "dovecot-core")
    stage.run(lda, "-c", "FOLDER/dovecot.conf", "-f", "bob@b.example", "-d", "alice", input=LETTER, shown=True)
    is_served(stage, site, LETTER)


@row(THEIRS, "Postfix (virtual)", "postfix")
def postfix_delivers(stage):
    """A letter by SMTP to Postfix, read by POP3 with the right size, and deleted."""
    from servers import postfix, send_letter

    site = mailbox_for(stage)
    belongs_to_mail(stage, site)
    postfix(stage)
    send_letter(stage)
    header = is_served(stage, site, LETTER, ["Delivered-To", "X-Original-To"])
    demand("(Postfix)" in header, "it has not come through Postfix")


@row(THEIRS, "Exim", "exim4-daemon-light")
def exim_delivers(stage):
    """A letter by SMTP to Exim, read by POP3 with the right size, and deleted."""
    from servers import exim, send_letter

    site = mailbox_for(stage)
    belongs_to_mail(stage, site)
    exim(stage)
    stage.write("password", "wonderland\n")
    send_letter(stage, "--user", "alice", "--password-file", "password")
    header = is_served(stage, site, LETTER)
    demand("by exim.example with esmtpa" in header, f"it has not come through Exim: {header[:300]!r}")
