"""How fast servers take letters, compared with a bare loop on the same disk."""

import re

from servers import aiosmtpd, exim, postfix, their_box
from stage import *

LOAD = ROOT / "target" / "release" / "examples" / "load"
LETTERS = os.environ.get("LETTERS", "300")


def ours(stage):
    stage.serve(stage.site(), "SMTP_PORT", "--quiet")


SERVERS = [
    ("`serve`", "The letter is in the mailbox.", ours, "smtp-primer"),
    ("Postfix", "The letter is in its queue.", lambda stage: (their_box(stage, "mail"), postfix(stage, on_disk=True)), "postfix"),
    ("Exim", "The letter is in its queue.", lambda stage: (their_box(stage, "mail"), exim(stage, on_disk=True)), "exim4-daemon-light"),
    ("aiosmtpd", "The letter is in the mailbox.", aiosmtpd, "python3-aiosmtpd"),
]


def measure():
    """Lines for the table: name, promise, rate, ratio."""
    lines = []
    for name, done, start, package in SERVERS:
        stage = Stage(name)
        try:
            start(stage)
            bare = stage.folder / "bare"
            for part in ["tmp", "new"]:
                (bare / part).mkdir(parents=True)
            words = ["--server", "127.0.0.1:SMTP_PORT", "--letters", LETTERS, "--bare", bare]
            said = stage.run(LOAD, *words, limit=300).stdout.decode()
            rate = re.search(r"([\d.]+) letters/s", said)[1]
            ratio = re.search(r"is ([\d.]+) of", said)[1]
        except Missing as missing:
            rate, ratio = "not installed", str(missing)
        finally:
            stage.close()
        known = version(package)
        lines.append((f"{name} {known}".strip(), done, rate, ratio))
        print(f"{name:12} {rate:>6} letters/s, {ratio} of the bare loop", flush=True)
    return lines
