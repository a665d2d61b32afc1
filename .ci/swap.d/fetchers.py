"""POP3 clients -> pop3."""

import poplib

from letters import *
from stage import *

GROUP = "POP3 clients → `pop3`"


class POP3:
    """Our `pop3` for a site, with alice logged in."""

    def __init__(self, stage, site):
        self.server = stage.pop3(site)
        self.client = poplib.POP3("127.0.0.1", stage.words["POP3_PORT"], timeout=20)
        self.client.user("alice")
        self.client.pass_("wonderland")

    def __enter__(self):
        return self.client

    def __exit__(self, *_):
        self.client.quit()
        self.server.end()


def fetched(client, number):
    """A letter as a file holds it."""
    return b"".join(line + b"\n" for line in client.retr(number)[1])
