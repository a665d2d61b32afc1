"""show: what other programs have written."""

import clients
from letters import *
from stage import *

GROUP = "`show`, of a letter by"


def shows(stage, compose, subject=SUBJECT, texts=("Schöne Grüße", "你好,世界"), attachment=ATTACHMENT):
    """`show` tells subject, text, and the name of the attachment, and nothing stays encoded."""
    site = clients.served(stage)
    compose(stage)
    file = next((site / "mail" / "alice" / "new").iterdir())
    shown = stage.ours("show", file).stdout.decode()
    demand(re.search(rf"^Subject: {re.escape(subject)}", shown, re.M), f"the subject is not shown: {shown[:400]!r}")
    for text in [*texts, *([attachment] if attachment else [])]:
        demand(text in shown, f"{text} is not shown: {shown[-400:]!r}")
    demand("=?" not in shown, "an encoded-word is left")


@row(GROUP, "mutt", "mutt")
def show_mutt(stage):
    """Subject, text and name of the attachment in German and Chinese."""
    shows(stage, clients.compose_mutt)


@row(GROUP, "s-nail", "s-nail")
def show_s_nail(stage):
    """Subject, text and name of the attachment in German and Chinese."""
    shows(stage, clients.compose_s_nail)


@row(GROUP, "GNU mailutils", "mailutils")
def show_mailutils(stage):
    """Subject, text and name of the attachment in German and Chinese."""
    shows(stage, clients.compose_mailutils)


@row(GROUP, "Python `email`", "python3")
def show_python(stage):
    """Subject, text and name of the attachment in German and Chinese."""
    shows(stage, clients.compose_smtplib)


@row(GROUP, "git send-email", "git-email")
def show_git(stage):
    """Subject in German and Chinese, and a patch that has such text."""
    shows(stage, clients.compose_git, "[PATCH] " + SUBJECT, ("größer", "Größe 你好", "From: Bob Größe"), None)


@row(GROUP, "curl", "curl")
def show_curl(stage):
    """Subject, text and name of the attachment in German and Chinese, made by `--form`."""

    def compose(stage):
        stage.run(
            need("curl"), "--silent", "--show-error", "--url", "smtp://127.0.0.1:SMTP_PORT",
            "--user", "alice:wonderland", "--mail-from", "bob@b.example", "--mail-rcpt", "alice@a.example",
            "--header", "From: bob@b.example", "--header", f"Subject: {SUBJECT}",
            "--form", "=<body;type=text/plain; charset=utf-8;encoder=quoted-printable",
            "--form", f"=@{ATTACHMENT};type=text/plain;encoder=base64", shown=True,
        )

    shows(stage, compose)


@row(GROUP, "swaks", "swaks")
def show_swaks(stage):
    """Subject, text and name of the attachment in German and Chinese."""

    def compose(stage):
        stage.run(
            need("swaks"), "--server", "127.0.0.1", "--port", "SMTP_PORT", "--from", "bob@b.example",
            "--to", "alice@a.example", "--header", f"Subject: {SUBJECT}", "--body", f"@{stage.folder}/body",
            "--attach-type", "text/plain", "--attach-name", ATTACHMENT, "--attach", f"@{stage.folder}/{ATTACHMENT}",
        )

    shows(stage, compose)
