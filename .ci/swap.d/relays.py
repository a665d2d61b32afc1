"""relay: the queue is worked off towards other servers, by route and by MX."""

from letters import *
from servers import postfix
from stage import *

GROUP = "`relay`"


def hand_in(stage, word, to, sender="alice@a.example", letter=LETTER):
    stage.write("letter", letter)
    stage.ours("send", "--server", f"127.0.0.1:{word}", "--from", sender, "--to", to, "--message", "letter", "--quiet")


def relay(stage, site, status=0):
    return stage.ours("relay", site, "--once", "--quiet", "--timeout", "5", status=status)


@row(GROUP, "Postfix (smart host)", "postfix")
def relay_by_postfix(stage):
    """`serve` takes a letter, `relay` hands it to Postfix by `route *`, Postfix hands it to the `serve`
    of the other domain."""
    other = stage.site("b.example")
    stage.serve(other, "OTHER_PORT")
    postfix(stage, """
relay_domains = b.example
relay_transport = smtp:[127.0.0.1]:OTHER_PORT
""")
    site = stage.site(lines="route * 127.0.0.1:POSTFIX_PORT")
    stage.settings.append(("a.example/site.conf", "route * 127.0.0.1:POSTFIX_PORT\n"))
    stage.serve(site, "SMTP_PORT")
    hand_in(stage, "SMTP_PORT", "bob@b.example")
    relay(stage, site)
    demand(not list((site / "queue").glob("*.envelope")), "the queue is not empty")
    fields = trace(stage.arrived(other, "bob")[0], LETTER)
    for passed in ["by b.example with ESMTP", "by postfix.example (Postfix)", "by a.example with ESMTP"]:
        demand(passed in fields, f"no `{passed}` in the trace: {fields!r}")


@row(GROUP, "Postfix, and a bounce", "postfix")
def postfix_bounces(stage):
    """Postfix hands a letter to our `serve`, which refuses the recipient; the bounce comes back to our
    `serve`, and `show` tells the reason."""
    site = stage.site()
    stage.serve(site, "SERVE_PORT")
    postfix(stage, """
relay_domains = a.example
relay_transport = smtp:[127.0.0.1]:SERVE_PORT
""")
    stage.write("letter", LETTER)
    hand_in(stage, "POSTFIX_PORT", "nobody@a.example")
    bounce = stage.arrived(site)[0]
    demand(b"\r" not in bounce, "there are CRs in the file")
    demand(bounce.startswith(b"Return-Path: <>\n"), f"its return path: {bounce[:60]!r}")
    letter = email.message_from_bytes(bounce, policy=email.policy.default)
    demand(letter.get_content_type() == "multipart/report", letter.get_content_type())
    demand(b"Status: 5.1.1" in bounce or b"Status: 5" in bounce, "no status of the form 5.y.z")
    stage.write("bounce", bounce)
    shown = stage.ours("show", "bounce").stdout.decode()
    demand("nobody@a.example" in shown and "550" in shown, f"`show` does not tell the reason: {shown[:300]!r}")


DNSMASQ = """
port=DNS_PORT
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
local=/example/
# The first host is dead, the second one lives.
mx-host=b.example,dead.example,10
mx-host=b.example,live.example,20
host-record=dead.example,127.0.0.2
host-record=live.example,127.0.0.1
# No MX: the host itself.
host-record=plain.example,127.0.0.1
# A null MX: this domain takes no mail (RFC 7505).
mx-host=null.example,.,0
# An alias.
cname=alias.example,live.example
# An MX that is an alias.
mx-host=c.example,alias.example,10
"""


@row(GROUP, "dnsmasq (MX)", "dnsmasq-base", limit=90)
def relay_by_mx(stage):
    """Six domains by MX: a dead first host, no MX, an alias, an MX that is an alias are delivered; a
    null MX and a name that does not exist bounce, and the bounce tells why; no DNS server at all: later."""
    need("dnsmasq", "dnsmasq-base")
    port = stage.port("DNS_PORT")
    stage.setting("dnsmasq.conf", DNSMASQ)
    dnsmasq = stage.start("dnsmasq", "--keep-in-foreground", "--user=root", "--conf-file=FOLDER/dnsmasq.conf", port=port)
    site = stage.site(lines="resolver 127.0.0.1:DNS_PORT")
    stage.serve(site, "SMTP_PORT")
    sink = stage.port("SINK_PORT")
    conf = site / "site.conf"
    conf.write_text(conf.read_text() + f"mx-port {sink}\n")
    stage.settings.append(("a.example/site.conf", "resolver 127.0.0.1:DNS_PORT\nmx-port SINK_PORT\n"))
    box = catcher(stage, sink)
    domains = ["b.example", "plain.example", "alias.example", "c.example"]
    for domain in domains:
        hand_in(stage, "SMTP_PORT", f"bob@{domain}")
    relay(stage, site)
    came = [file.read_text() for file in box.iterdir() if file.name.endswith(".to")]
    demand(sorted(came) == sorted(f"bob@{domain}" for domain in domains), f"delivered to {sorted(came)}")
    for file in box.iterdir():
        if file.name.endswith(".letter"):
            demand(file.read_bytes().endswith(LETTER.replace(b"\n", b"\r\n")), "the letter differs")
    reasons = [("null.example", "takes no mail"), ("nowhere.example", "there is no such name")]
    for number, (domain, reason) in enumerate(reasons, 1):
        hand_in(stage, "SMTP_PORT", f"bob@{domain}")
        relay(stage, site, status=1)
        bounces = stage.arrived(site, count=number)
        text = bounces[-1].decode()
        demand("Status: 5." in text and reason in text, f"{domain}: no `{reason}` in {text[400:900]!r}")
    dnsmasq.end()
    hand_in(stage, "SMTP_PORT", "bob@b.example")
    relay(stage, site, status=75)
    demand(len(list((site / "queue").glob("*.envelope"))) == 1, "the letter does not wait")


def catcher(stage, port):
    """A server for any domain, which keeps what it gets; written with Python's sockets alone."""
    box = stage.folder / "caught"
    box.mkdir()
    stage.start(python(), HERE / "catcher.py", port, box, ready="ready\n")
    return box
