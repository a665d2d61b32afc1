"""POP3 clients -> pop3: what other programs fetch, and what stays on the server."""

import mailbox
import poplib

from letters import *
from stage import *

GROUP = "POP3 clients → `pop3`"
MANY = 200


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


def full_box(stage):
    """A site whose alice has 202 letters, and our `pop3` for it. One letter has all kinds of lines,
    one has no line end at its end. Returns the site, and the letters in order."""
    site = stage.site()
    letters = [LETTER, PLAIN.rstrip(b"\n")]
    for number in range(MANY):
        text = f"Subject: number {number}\nFrom: bob@b.example\nTo: alice@a.example\n"
        text += f"Date: Thu, 26 Nov 2026 10:00:00 +0000\nMessage-ID: <{number}@b.example>\n\n.\ntext {number}\n"
        letters.append(text.encode())
    for number, letter in enumerate(letters):
        (site / "mail" / "alice" / "new" / f"{1700000000 + number}.M1P1Q{number}.b").write_bytes(letter)
    stage.pop3(site)
    return site, [letter.rstrip(b"\n") + b"\n" if number == 1 else letter for number, letter in enumerate(letters)]


def are(came, due, added=()):
    """These letters came, each once and octet for octet, but for fields that a client adds."""
    demand(len(came) == len(due), f"{len(came)} letters came, due {len(due)}")
    number = lambda letter: re.search(rb"\nMessage-ID: (.*)", letter)[1]
    by_number = {number(letter): letter for letter in came}
    demand(len(by_number) == len(due), "a letter came twice")
    for letter in due:
        body_and_fields(by_number[number(letter)], letter, added, number(letter).decode())


def box_has(stage, site, count):
    left = len(stage.letters(site))
    demand(left == count, f"{left} letters are on the server, due {count}")


def leave_twenty(site):
    """Takes the other letters away: some clients take 50 ms for each."""
    for file in sorted((site / "mail" / "alice" / "new").iterdir())[20:]:
        file.unlink()


@row(GROUP, "curl", "curl")
def curl_fetches(stage):
    """202 letters, which stay on the server; then one is deleted."""
    site, letters = full_box(stage)
    base = ["curl", "--silent", "--show-error", "--user", "alice:wonderland"]
    need("curl")
    stage.run(*base, "--output", "got-#1", f"pop3://127.0.0.1:POP3_PORT/[1-{len(letters)}]", shown=True)
    for number, letter in enumerate(letters, 1):
        came = (stage.folder / f"got-{number}").read_bytes()
        same(came, letter.replace(b"\n", b"\r\n"), f"letter {number}")
    box_has(stage, site, 202)
    stage.run(*base, "--request", "DELE 3", "--head", "pop3://127.0.0.1:POP3_PORT/", shown=True)
    demand(letters[2] not in stage.letters(site), "letter 3 is still there")
    box_has(stage, site, 201)


@row(GROUP, "Python `poplib`", "python3")
def poplib_fetches(stage):
    """202 letters with USER and PASS; a client that goes without QUIT deletes nothing; then all go."""
    site, letters = full_box(stage)
    for ends in ["close", "quit"]:
        client = poplib.POP3("127.0.0.1", stage.words["POP3_PORT"], timeout=20)
        client.user("alice"), client.pass_("wonderland")
        demand(len(client.uidl()[1]) == 202, "UIDL does not list them all")
        for number, letter in enumerate(letters, 1):
            if ends == "quit":
                same(fetched(client, number), letter, f"letter {number}")
            client.dele(number)
        getattr(client, ends)()
        box_has(stage, site, 202 if ends == "close" else 0)


@row(GROUP, "fetchmail", "fetchmail", limit=150)
def fetchmail_fetches(stage):
    """202 letters are left on the server and come once, by UIDL; then twenty are fetched and deleted. It
    hands them to our `serve`."""
    site, letters = full_box(stage)
    stage.serve(site)
    rules = """
poll 127.0.0.1 service POP3_PORT protocol pop3 uidl
  user alice password wonderland KEEP
  sslproto ''
  smtphost 127.0.0.1/SMTP_PORT smtpname bob@a.example
"""
    need("fetchmail")
    fetch = lambda file, status: stage.run("fetchmail", "--nosyslog", "--nodetach", "-f", file, status=status)
    stage.setting("fetchmailrc", rules.replace("KEEP", "keep"))
    fetch("fetchmailrc", 0)
    box_has(stage, site, 202)
    are(stage.letters(site, "bob"), letters)
    fetch("fetchmailrc", 1)
    demand(len(stage.letters(site, "bob")) == 202, "they came again")
    leave_twenty(site)
    stage.write("rules", stage.fill(rules.replace("KEEP", "nokeep fetchall")))
    fetch("rules", 0)
    box_has(stage, site, 0)
    demand(len(stage.letters(site, "bob")) == 222, "not all came before they were deleted")


@row(GROUP, "getmail6", "getmail6", limit=150)
def getmail_fetches(stage):
    """202 letters are left on the server and come once, by UIDL; then twenty are fetched and deleted."""
    site, letters = full_box(stage)
    rules = """
[retriever]
type = SimplePOP3Retriever
server = 127.0.0.1
port = POP3_PORT
username = alice
password = wonderland
[destination]
type = Maildir
path = FOLDER/got/
[options]
delete = false
read_all = false
delivered_to = false
received = false
"""
    box = mailbox.Maildir(stage.folder / "got", factory=None)
    need("getmail", "getmail6")
    # It refuses to deliver as root.
    owner = "mail" if os.geteuid() == 0 else ""
    (stage.folder / "getmail").mkdir()

    def fetch(file):
        switch = []
        if owner:
            stage.run("chown", "-R", owner, "got", "getmail", file)
            switch = ["setpriv", f"--reuid={owner}", f"--regid={owner}", "--clear-groups"]
        stage.run(*switch, "getmail", "--getmaildir", "FOLDER/getmail", "--rcfile", f"FOLDER/{file}")

    got = lambda: [box.get_bytes(key) for key in box.keys()]
    stage.setting("getmailrc", rules)
    fetch("getmailrc")
    fetch("getmailrc")
    are(got(), letters)
    box_has(stage, site, 202)
    stage.write("rules", stage.fill(rules.replace("_all = false", "_all = true").replace("delete = false", "delete = true")))
    box.clear()
    leave_twenty(site)
    fetch("rules")
    are(got(), letters[:20])
    box_has(stage, site, 0)


@row(GROUP, "mpop", "mpop")
def mpop_fetches(stage):
    """202 letters are left on the server and come once, by UIDL; then all are fetched and deleted."""
    site, letters = full_box(stage)
    rules = """
defaults
tls off
received_header off
account a
host 127.0.0.1
port POP3_PORT
auth user
user alice
password wonderland
delivery maildir FOLDER/got
uidls_file FOLDER/uidls
keep on
account default : a
"""
    box = mailbox.Maildir(stage.folder / "got", factory=None)
    got = lambda: [box.get_bytes(key) for key in box.keys()]
    stage.setting("mpoprc", rules)
    for _ in range(2):
        stage.run(need("mpop"), "-C", "mpoprc")
    are(got(), letters)
    box_has(stage, site, 202)
    box.clear()
    stage.write("rules", stage.fill(rules.replace("keep on", "keep off")))
    (stage.folder / "uidls").unlink()
    stage.run("mpop", "-C", "rules")
    are(got(), letters)
    box_has(stage, site, 0)


@row(GROUP, "mutt", "mutt")
def mutt_fetches(stage):
    """202 letters are copied to an mbox and stay; then they are saved, and are gone from the server."""
    site, letters = full_box(stage)
    stage.setting("muttrc", """
set ssl_starttls = no
set ssl_force_tls = no
set pop_authenticators = "user"
set pop_delete = yes
""")
    stage.write("rules", "source FOLDER/muttrc\nset quit=yes delete=yes confirmappend=no wait_key=no\n"
                "set charset=utf-8 folder=FOLDER/home pop_checkinterval=3600\n".replace("FOLDER", str(stage.folder)))
    for act, left in [("copy", 202), ("save", 0)]:
        file = stage.write(act, "")
        keys = f"<tag-pattern>~A<enter><tag-prefix><{act}-message><kill-line>{file}<enter><quit>"
        stage.type(need("mutt"), "-n", "-F", "rules", "-f", "pop://alice:wonderland@127.0.0.1:POP3_PORT",
                   "-e", f'push "{keys}"', until=40)
        # It quotes no line that begins with "From ", but adds an empty line to each letter.
        came = re.split(rb"^From \S+ +\w+ \w+ +\d+ [\d:]+ \d{4}\n", file.read_bytes(), flags=re.MULTILINE)
        are([letter[:-1] for letter in came[1:]], letters, ["Status", "Lines", "Content-Length"])
        box_has(stage, site, left)
