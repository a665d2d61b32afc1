"""send -> servers: our `send` hands letters to other mail servers."""


from letters import *
from stage import *

GROUP = "`send` → servers"


def send_letter(stage, *options, letter=LETTER, word="SMTP_PORT", to="alice@a.example", status=0):
    stage.write("letter", letter)
    return stage.ours(
        "send", "--server", f"127.0.0.1:{word}", "--from", "bob@b.example", "--to", to,
        "--message", "letter", "--timeout", "20", *options, status=status,
    )


def their_box(stage, owner):
    """An empty Maildir that another server delivers to, as `owner`."""
    box = stage.folder / "box"
    for part in ["new", "cur", "tmp"]:
        (box / part).mkdir(parents=True)
    stage.run("chown", "-R", owner, box)
    stage.words["MAILDIR"] = str(box)
    return box


def received(stage, box, letter, added, count=1):
    """The letter is in their Maildir."""
    files = stage.wait(
        lambda: len(list((box / "new").iterdir())) >= count and list((box / "new").iterdir()),
        "no letter came into their mailbox",
    )
    demand(len(files) == count, f"{len(files)} letters came, due {count}")
    return body_and_fields(files[0].read_bytes(), letter, added)


POSTFIX = """
compatibility_level = 3.6
maillog_file = FOLDER/postfix.log
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.example
mydestination =
mynetworks = 127.0.0.0/8
smtpd_tls_security_level = none
smtp_tls_security_level = none
smtpd_peername_lookup = no
alias_maps =
"""
VIRTUAL = """
virtual_mailbox_domains = a.example
virtual_mailbox_base = /
virtual_mailbox_maps = inline:{ { alice@a.example = MAILDIR/ } }
virtual_uid_maps = static:UID
virtual_gid_maps = static:UID
virtual_minimum_uid = 1
"""


def postfix(stage, settings=VIRTUAL, on_disk=False):
    """Postfix; with no other settings it delivers to MAILDIR, as its owner. `on_disk`: its queue lies
    on the disk, and not in memory as all else that a layer writes."""
    port = stage.port("SMTP_PORT" if settings == VIRTUAL else "POSTFIX_PORT")
    if "MAILDIR" in stage.words:
        stage.words["UID"] = os.stat(stage.words["MAILDIR"]).st_uid
    listen = f"127.0.0.1:{port} inet n - n - - smtpd\n"
    machine = Machine(stage, "postfix", "postfix", {"/etc/postfix/main.cf": POSTFIX + settings})
    # Its own list of services, but for the port, and without chroot, which would miss /etc.
    master = machine.run("cat", "/usr/share/postfix/master.cf.dist").stdout.decode()
    master = re.sub(r"^smtp +inet .*\n", listen, master, flags=re.MULTILINE)
    master = re.sub(r"^(\S+ +\S+ +\S+ +\S+ +)y ", r"\1n ", master, flags=re.MULTILINE)
    master += "postlog unix-dgram n - n - 1 postlogd\n" if "postlogd" not in master else ""
    machine.run("sh", "-c", "cat > /etc/postfix/master.cf", input=master.encode())
    if on_disk:
        put_on_disk(stage, machine, "postfix")
    machine.run("postfix", "start", status=None)
    machine.run("newaliases", status=None)
    stage.wait(
        lambda: answers(port),
        "Postfix did not start",
    )
    return machine


def put_on_disk(stage, machine, spool):
    place, folder = f"/var/spool/{spool}", f"{stage.folder}/spool"
    machine.run("sh", "-ec", f"cp -a {place} {folder}; mount --bind {folder} {place}")


@row(GROUP, "Postfix", "postfix")
def send_to_postfix(stage):
    """A finished letter, which Postfix puts into a Maildir; a recipient that it refuses: exit status 1."""
    box = their_box(stage, "mail")
    postfix(stage)
    send_letter(stage)
    header = received(stage, box, LETTER, ["Delivered-To", "X-Original-To"])
    demand("by postfix.example (Postfix) with ESMTP" in header, "it has not come through Postfix")
    ran = send_letter(stage, to="nobody@a.example", status=1)
    demand(b"550" in ran.stderr, f"the reason is not told: {ran.stderr!r}")


EXIM = """
primary_hostname = exim.example
domainlist local_domains = a.example
daemon_smtp_ports = SMTP_PORT
local_interfaces = 127.0.0.1
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
accept_8bitmime = true
acl_smtp_rcpt = check
acl_smtp_data = accept
log_file_path = FOLDER/exim-%slog
never_users =
begin acl
check:
  accept authenticated = *
         domains = +local_domains
         verify = recipient
  deny
begin routers
local:
  driver = accept
  local_parts = alice
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = MAILDIR
  maildir_format
  user = mail
  group = mail
  return_path_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if and {{eq{$auth2}{alice}}{eq{$auth3}{wonderland}}}}
  server_set_id = $auth2
"""


def exim(stage, settings=EXIM, on_disk=False):
    port = stage.port("SMTP_PORT")
    machine = Machine(stage, "exim4-daemon-light", "exim4", {"/etc/exim4/exim4.conf": settings})
    # It trusts only a file of root's that nobody else may change.
    machine.run("chmod", "644", "/etc/exim4/exim4.conf")
    (stage.folder).chmod(0o777)
    if on_disk:
        put_on_disk(stage, machine, "exim4")
    machine.run("exim4", "-bd", "-q1h")
    stage.wait(lambda: answers(port), "Exim did not start")
    return machine


@row(GROUP, "Exim", "exim4-daemon-light")
def send_to_exim(stage):
    """A finished letter with a password, which Exim puts into a Maildir; without one it refuses:
    exit status 1."""
    box = their_box(stage, "mail")
    exim(stage)
    stage.write("password", "wonderland\n")
    send_letter(stage, "--user", "alice", "--password-file", "password")
    header = received(stage, box, LETTER, ["Envelope-to", "Delivery-date"])
    demand("with esmtpa" in header, f"not with esmtpa: {header[:300]!r}")
    ran = send_letter(stage, status=1)
    demand(b"550" in ran.stderr, f"the reason is not told: {ran.stderr!r}")
    send_letter(stage, "--user", "alice", "--password-file", "letter", status=1)


OPENSMTPD = """
listen on 127.0.0.1 port SMTP_PORT hostname opensmtpd.example
action "in" maildir "MAILDIR" virtual { "alice@a.example" = mail }
match from any for rcpt-to "alice@a.example" action "in"
"""


@row(GROUP, "OpenSMTPD", "opensmtpd")
def send_to_opensmtpd(stage):
    """A finished letter, which OpenSMTPD puts into a Maildir; a recipient that it refuses: exit status 1."""
    box = their_box(stage, "mail")
    port = stage.port("SMTP_PORT")
    machine = Machine(stage, "opensmtpd", "smtpd", {"/etc/smtpd.conf": OPENSMTPD})
    machine.run("chmod", "644", "/etc/smtpd.conf")
    machine.start("smtpd", "-d", port=port)
    # It takes no line above 998 octets with their dots: that is the standard's limit.
    send_letter(stage)
    header = received(stage, box, LETTER, ["Delivered-To"])
    demand("opensmtpd.example (OpenSMTPD) with ESMTP" in header, "it has not come through OpenSMTPD")
    ran = send_letter(stage, to="nobody@a.example", status=1)
    demand(b"550" in ran.stderr, f"the reason is not told: {ran.stderr!r}")


def aiosmtpd(stage):
    port = stage.port("SMTP_PORT")
    found = stage.run(python(), "-c", "import aiosmtpd", status=None)
    if found.returncode != 0:
        raise Missing("python3-aiosmtpd")
    box = stage.folder / "box"
    stage.words["MAILDIR"] = str(box)
    command = "python3 -m aiosmtpd -n -l 127.0.0.1:SMTP_PORT -c aiosmtpd.handlers.Mailbox MAILDIR"
    stage.settings.append(("", command))
    stage.start(python(), *command.split()[1:], port=port)
    return box


@row(GROUP, "aiosmtpd", "python3-aiosmtpd")
def send_to_aiosmtpd(stage):
    """A finished letter, which aiosmtpd puts into a Maildir."""
    box = aiosmtpd(stage)
    send_letter(stage)
    received(stage, box, LETTER, ["X-Peer", "X-MailFrom", "X-RcptTo"])


# What smtp-sink does, and the exit status that `send` must end with.
MOODS = [
    ("", 0, "takes all"),
    ("-8", 1, "no 8BITMIME, for a finished letter in 8 bits"),
    ("-p", 0, "no PIPELINING"),
    ("-e", 1, "no EHLO, so no 8BITMIME"),
    ("-f connect", 1, "5yz at once"),
    ("-f ehlo", 1, "5yz to EHLO; HELO is taken, without 8BITMIME"),
    ("-f helo,ehlo", 1, "5yz to both"),
    ("-f mail", 1, "5yz to MAIL"),
    ("-f rcpt", 1, "5yz to RCPT"),
    ("-f data", 1, "5yz to DATA"),
    ("-f .", 1, "5yz to the text"),
    ("-f quit", 0, "5yz to QUIT: the letter is taken"),
    ("-r connect", 75, "4yz at once"),
    ("-r mail", 75, "4yz to MAIL"),
    ("-r rcpt", 75, "4yz to RCPT"),
    ("-r data", 75, "4yz to DATA"),
    ("-r .", 75, "4yz to the text"),
    ("-Q connect", 75, "421, and gone, at once"),
    ("-Q mail", 75, "421, and gone, at MAIL"),
    ("-Q rcpt", 75, "421, and gone, at RCPT"),
    ("-Q .", 75, "421, and gone, after the text"),
    ("-q ehlo", 75, "gone at EHLO"),
    ("-q mail", 75, "gone at MAIL"),
    ("-q rcpt", 75, "gone at RCPT"),
    ("-q data", 75, "gone at DATA"),
    ("-q .", 75, "gone after the text: nobody knows"),
    ("-q quit", 0, "gone at QUIT: the letter is taken"),
    ("-A 0", 1, "550 before the text is over"),
]


@row(GROUP, "smtp-sink", "postfix", limit=120)
def send_to_smtp_sink(stage):
    """28 moods: each command refused with 4yz and 5yz, 421, or no answer; without ESMTP, without
    8BITMIME. The exit status is 0, 1 or 75, and the body of what is taken arrives."""
    sink = shutil.which("smtp-sink", path=PATH)
    machine = Machine(stage, "postfix", "smtp-sink") if not sink else None
    wrong = []
    for number, (mood, status, means) in enumerate(MOODS):
        dump = stage.folder / f"dump-{number}"
        dump.mkdir()
        dump.chmod(0o777)
        port = stage.port("SINK_PORT")
        start = machine.start if machine else stage.start
        process = start("smtp-sink", "-u", "mail", "-d", f"{dump}/%M.", *mood.split(), f"127.0.0.1:{port}", "10")
        stage.wait(lambda: listens(port), f"smtp-sink {mood} did not start")
        ran = send_letter(stage, word="SINK_PORT", status=None)
        process.end()
        if ran.returncode != status:
            said = ran.stderr.decode().strip()
            wrong.append(f"{mood} ({means}): exit status {ran.returncode}, due {status}: {said}")
        elif status == 0:
            took = [file.read_bytes() for file in dump.iterdir()]
            due = LETTER.partition(b"\n\n")[2].rstrip(b"\n")
            if not any(due in file for file in took):
                wrong.append(f"{mood} ({means}): exit status 0, and the letter is not there")
    demand(not wrong, "; ".join(wrong))


def listens(port):
    """Somebody listens there. (To call would be a conversation of its own.)"""
    hexed = f":{port:04X} "
    return any(hexed in line and " 0A " in line for line in open("/proc/net/tcp"))
