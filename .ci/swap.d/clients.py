"""Clients -> serve: what other programs send, our server puts into a mailbox."""


from letters import *
from stage import *

GROUP = "clients → `serve`"


def served(stage):
    """A site, and a server that trusts nobody: who sends to other domains must log in."""
    site = stage.site(lines="trust nobody")
    stage.serve(site)
    stage.write("letter", LETTER)
    stage.write("body", BODY)
    stage.write(ATTACHMENT, ATTACHED)
    return site


def one(stage, site):
    return stage.arrived(site)[0]


@row(GROUP, "curl", "curl")
def curl_send(stage):
    """A finished letter, with a password."""
    site = served(stage)
    stage.run(
        need("curl"), "--silent", "--show-error", "--crlf", "--url", "smtp://127.0.0.1:SMTP_PORT",
        "--user", "alice:wonderland", "--mail-from", "bob@b.example", "--mail-rcpt", "alice@a.example",
        "--upload-file", "letter", shown=True,
    )
    authenticated(trace(one(stage, site), LETTER))


@row(GROUP, "swaks", "swaks")
def swaks_send(stage):
    """A finished letter three times: without a password, with AUTH PLAIN, with AUTH LOGIN; and one to
    another domain, which waits in the queue."""
    site = served(stage)
    base = [need("swaks"), "--server", "127.0.0.1", "--port", "SMTP_PORT", "--from", "bob@b.example"]
    alice = ["--to", "alice@a.example", "--data", "@letter"]
    carol = ["--to", "carol@c.example", "--data", "@letter"]
    login = ["--auth-user", "alice", "--auth-password", "wonderland", "--auth"]
    stage.run(*base, *alice)
    stage.run(*base, *alice, *login, "PLAIN", shown=True)
    stage.run(*base, *alice, *login, "LOGIN")
    refused = stage.run(*base, *carol, status=None)
    demand(refused.returncode == 24, f"to another domain without AUTH: {refused.returncode}")
    stage.run(*base, *carol, *login, "PLAIN")
    # It adds a line end to those of the file.
    letter = LETTER + b"\n"
    letters = stage.arrived(site, count=3)
    traces = [trace(file, letter) for file in letters]
    with_auth = [fields for fields in traces if "with ESMTPA" in fields]
    demand(len(with_auth) == 2, f"{len(with_auth)} letters `with ESMTPA`, due 2")
    queued = list((site / "queue").glob("*.letter"))
    demand(len(queued) == 1, f"{len(queued)} letters in the queue, due 1")


@row(GROUP, "msmtp", "msmtp")
def msmtp_send(stage):
    """A finished letter, with a password."""
    site = served(stage)
    stage.setting(
        "msmtprc",
        """
defaults
tls off
account a
host 127.0.0.1
port SMTP_PORT
from bob@b.example
auth plain
user alice
password wonderland
account default : a
""",
    )
    stage.run(need("msmtp"), "-C", "msmtprc", "alice@a.example", input=LETTER)
    authenticated(trace(one(stage, site), LETTER))


def compose_s_nail(stage):
    stage.setting(
        "s-nailrc",
        """
set v15-compat
set mta=smtp://alice:wonderland@127.0.0.1:SMTP_PORT
set smtp-auth=plain smtp-config=-all,ehlo,auth,plain
set from=bob@b.example
set sendcharsets=utf-8
""",
    )
    stage.run(
        need("s-nail"), "-:u", "-s", SUBJECT, "-a", ATTACHMENT, "alice@a.example",
        input=BODY.encode(), MAILRC=str(stage.folder / "s-nailrc"),
    )


@row(GROUP, "s-nail", "s-nail")
def s_nail_send(stage):
    """A subject in German and Chinese, a text, and an attachment; with a password."""
    site = served(stage)
    compose_s_nail(stage)
    authenticated(composed(one(stage, site)))


def compose_mutt(stage):
    stage.setting(
        "muttrc",
        """
set smtp_url = "smtp://alice:wonderland@127.0.0.1:SMTP_PORT/"
set smtp_authenticators = "plain"
set ssl_starttls = no
set ssl_force_tls = no
set from = "bob@b.example"
set realname = "Bob"
set charset = "utf-8"
set send_charset = "utf-8"
set copy = no
""",
    )
    stage.run(
        need("mutt"), "-n", "-F", "muttrc", "-s", SUBJECT, "-a", ATTACHMENT, "--", "alice@a.example",
        input=BODY.encode(),
    )


@row(GROUP, "mutt", "mutt")
def mutt_send(stage):
    """A subject in German and Chinese, a text, and an attachment; with a password."""
    site = served(stage)
    compose_mutt(stage)
    authenticated(composed(one(stage, site)))


def compose_mailutils(stage):
    stage.setting(
        "mailrc",
        """
set sendmail="smtp://alice:wonderland@127.0.0.1:SMTP_PORT;auth=plain;notls"
""",
    )
    mail = need("mail.mailutils", "mailutils")
    stage.run(
        mail, "--content-type=text/plain; charset=utf-8", "-s", SUBJECT, "-r", "bob@b.example",
        "--attach", ATTACHMENT, "alice@a.example",
        input=BODY.encode(), MAILRC=str(stage.folder / "mailrc"),
    )


@row(GROUP, "GNU mailutils", "mailutils")
def mailutils_send(stage):
    """A subject in German and Chinese, a text, and an attachment; with a password."""
    site = served(stage)
    compose_mailutils(stage)
    authenticated(composed(one(stage, site)))


def compose_smtplib(stage):
    script = """
import smtplib, sys
from email.message import EmailMessage
letter = EmailMessage()
letter["From"], letter["To"], letter["Subject"] = "bob@b.example", "alice@a.example", sys.argv[1]
letter.set_content(open("body", encoding="utf-8").read())
letter.add_attachment(open(sys.argv[2], "rb").read(), "text", "plain", filename=sys.argv[2])
with smtplib.SMTP("127.0.0.1", SMTP_PORT) as server:
    server.login("alice", "wonderland")
    server.send_message(letter)
"""
    file = stage.setting("send.py", script)
    stage.run(python(), file, SUBJECT, ATTACHMENT)


@row(GROUP, "Python `smtplib`", "python3")
def smtplib_send(stage):
    """A subject in German and Chinese, a text, and an attachment; with a password."""
    site = served(stage)
    compose_smtplib(stage)
    authenticated(composed(one(stage, site)))


def compose_git(stage):
    """A commit that is sent as a letter. Returns where the commit is."""
    git = "/usr/bin/git"
    if not os.path.exists("/usr/lib/git-core/git-send-email"):
        raise Missing("git-email")
    stage.setting(
        "home/.gitconfig",
        """
[user]
name = Bob Größe
email = bob@b.example
[sendemail]
smtpServer = 127.0.0.1
smtpServerPort = SMTP_PORT
smtpUser = alice
smtpPass = wonderland
smtpAuth = PLAIN
""",
    )
    repository = stage.folder / "repository"
    run = lambda *words, **env: stage.run(git, "-C", repository, *words, **env)
    stage.run(git, "init", "--quiet", repository)
    dates = {"GIT_AUTHOR_DATE": "1764100800 +0100", "GIT_COMMITTER_DATE": "1764100800 +0100"}
    run("commit", "--quiet", "--allow-empty", "-m", "begin", **dates)
    (repository / "file").write_bytes("Größe 你好\n.\n..\nFrom here\nblanks  \nno end".encode())
    run("add", "file")
    run("commit", "--quiet", "-m", SUBJECT + "\n\n.\nFrom the body: größer", **dates)
    run("format-patch", "--quiet", "-o", stage.folder / "patches", "-1")
    patch = next((stage.folder / "patches").iterdir())
    run("send-email", "--quiet", "--confirm=never", "--suppress-cc=all", "--to=alice@a.example",
        "--8bit-encoding=UTF-8", patch)
    return git, repository, dates


@row(GROUP, "git send-email", "git-email")
def git_send(stage):
    """A commit, with a password; `git am` from the Maildir makes the same commit of it."""
    site = served(stage)
    git, repository, dates = compose_git(stage)
    demand(b"\r" not in one(stage, site), "there are CRs in the file")
    authenticated(one(stage, site).decode())
    copy = stage.folder / "copy"
    stage.run(git, "clone", "--quiet", repository, copy)
    stage.run(git, "-C", copy, "reset", "--quiet", "--hard", "HEAD~1")
    run = lambda *words: stage.run(git, "-C", copy, *words, **dates)
    run("am", "--quiet", site / "mail" / "alice")
    # send-email writes a date of its own. With the old one the commit has to be the same.
    run("commit", "--quiet", "--amend", "--no-edit", f"--date={dates['GIT_AUTHOR_DATE']}")
    show = lambda where: stage.run(git, "-C", where, "log", "-1", "--format=%H %T %an %ae %B").stdout
    same(show(copy), show(repository), "the commit")


@row(GROUP, "nullmailer", "nullmailer")
def nullmailer_send(stage):
    """A finished letter through its queue, with a password."""
    site = served(stage)
    machine = Machine(stage, "nullmailer", "nullmailer-send", {
        "/etc/nullmailer/remotes": """
127.0.0.1 smtp --port=SMTP_PORT --auth-login --user=alice --pass=wonderland
""",
        "/etc/nullmailer/me": """
b.example
""",
    })
    machine.run("chown", "-R", "mail:mail", "/etc/nullmailer")
    machine.run("nullmailer-inject", "-f", "bob@b.example", "alice@a.example", input=LETTER)
    machine.start("nullmailer-send")
    header = body_and_fields(one(stage, site), LETTER, [])
    authenticated(header)


@row(GROUP, "dma", "dma")
def dma_send(stage):
    """A finished letter through its queue, with a password. (Its lines have at most 997 octets: dma
    takes no more.)"""
    site = served(stage)
    letter = LETTER.replace(b"x" * 998, b"x" * 997)
    machine = Machine(stage, "dma", "dma", {
        "/etc/dma/dma.conf": """
SMARTHOST 127.0.0.1
PORT SMTP_PORT
AUTHPATH /etc/dma/auth.conf
INSECURE
""",
        "/etc/dma/auth.conf": """
alice|127.0.0.1:wonderland
""",
    })
    machine.run("chgrp", "-R", "mail", "/etc/dma")
    machine.run("dma", "-D", "-i", "-f", "bob@b.example", "alice@a.example", input=letter)
    authenticated(body_and_fields(one(stage, site), letter, []))
