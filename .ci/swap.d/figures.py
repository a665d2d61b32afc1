"""How fast servers take letters, compared with a bare loop on the same disk."""

import re
import statistics

from servers import EXIM, aiosmtpd, exim, postfix, their_box
from stage import *

LOAD = ROOT / "target" / "release" / "examples" / "load"
LETTERS, ROUNDS = 200, 5


def serve(stage):
    stage.serve(stage.site(), "SMTP_PORT", "--quiet")


def their_postfix(stage):
    their_box(stage, "mail")
    postfix(stage, on_disk=True)


def their_exim(stage):
    their_box(stage, "mail")
    # The load generator knows no passwords.
    exim(stage, EXIM.replace("accept authenticated = *\n         domains", "accept domains"), on_disk=True)


SERVERS = [
    ("`serve`", "The letter is in the mailbox.", serve, ""),
    ("Postfix", "The letter is in its queue.", their_postfix, "postfix"),
    ("Exim", "The letter is in its queue.", their_exim, "exim4-daemon-light"),
    ("aiosmtpd", "The letter is in the mailbox.", aiosmtpd, "python3-aiosmtpd"),
]


def measure():
    """Lines for the table: name, promise, rate, ratio. Each is the median of some rounds, in which the
    servers take turns."""
    rates, ratios = {}, {}
    for _ in range(ROUNDS):
        for name, _, start, _ in SERVERS:
            try:
                rate, ratio = one_round(name, start)
            except Missing as missing:
                print(f"{name}: not installed: {missing}")
                continue
            print(f"{name:12} {rate:6.0f} letters/s, {ratio:.2f} of the bare loop", flush=True)
            rates.setdefault(name, []).append(rate)
            ratios.setdefault(name, []).append(ratio)
    return [
        (
            f"{name} {version(package)}".strip(),
            done,
            f"{statistics.median(rates[name]):.0f}",
            f"{statistics.median(ratios[name]):.2f}",
        )
        for name, done, _, package in SERVERS
        if name in rates
    ]


def one_round(name, start):
    stage = Stage(name)
    try:
        start(stage)
        bare = stage.folder / "bare"
        for part in ["tmp", "new"]:
            (bare / part).mkdir(parents=True)
        words = ["--server", "127.0.0.1:SMTP_PORT", "--letters", LETTERS, "--bare", bare]
        said = stage.run(LOAD, *words, limit=300).stdout.decode()
        found = re.search(r"([\d.]+) letters/s(?s:.*) is ([\d.]+) of", said)
        return float(found[1]), float(found[2])
    finally:
        stage.close()
