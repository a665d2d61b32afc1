"""What every row needs: a folder of its own, our servers, other programs, and demands.

A row is a function. It works, or it raises `Differs` (the outcome is another) or `Missing` (a
program is not installed). The texts that it writes and the commands that it shows may hold words
such as SMTP_PORT, which stand for what the run has chosen. They stand so in the book, too.
"""

import contextlib
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
WORK = ROOT / "target" / "swap"
LAYERS = WORK / "layers"
# Another build can be tried in the place of ours.
PROGRAM = Path(os.environ.get("SWAP_PROGRAM", ROOT / "target" / "release" / "smtp-primer"))
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/lib/dovecot"
# How long one command may take, and how long we wait for what a daemon does.
COMMAND = 60
DAEMON = 20


class Differs(Exception):
    """The program was there, and the outcome is not what it has to be."""


class Missing(Exception):
    """A program is not there. The text is the name of Debian's package."""


ROWS = []


class Row:
    def __init__(self, function, group, program, packages, limit):
        self.name = function.__name__.replace("_", "-")
        self.run = function
        self.does = " ".join(function.__doc__.split())
        self.group, self.program, self.packages, self.limit = group, program, packages, limit


def row(group, program, *packages, limit=60):
    """Makes a function a row of the table. Its docstring is what the table says was done."""

    def keep(function):
        ROWS.append(Row(function, group, program, packages, limit))
        return function

    return keep


def demand(holds, why):
    if not holds:
        raise Differs(why)


def same(came, due, what):
    """The octets that came are those that are due."""
    if came == due:
        return
    at = next((i for i, (a, b) in enumerate(zip(came, due)) if a != b), min(len(came), len(due)))
    start = max(0, at - 20)
    raise Differs(
        f"{what}: octet {at} of {len(came)} differs; "
        f"came {came[start:at + 30]!r}, due {due[start:at + 30]!r}"
    )


def need(command, package=None):
    """Where a program is, which may be of a package with another name."""
    found = shutil.which(command, path=PATH)
    if not found:
        raise Missing(package or command)
    return found


def version(package):
    """The version of a Debian package, without what Debian adds to it."""
    admin = LAYERS / package / "var" / "up" / "lib" / "dpkg"
    for folder in [admin, Path("/var/lib/dpkg")]:
        asked = subprocess.run(
            ["dpkg-query", f"--admindir={folder}", "-W", "-f=${db:Status-Abbrev}${Version}", package],
            capture_output=True,
            text=True,
        )
        if asked.returncode == 0 and asked.stdout.startswith("ii "):
            found = re.sub(r"^\d+:", "", asked.stdout[3:].strip())
            return re.sub(r"([+~]dfsg.*)?-[^-]*$", "", found)
    return ""


class Process:
    """A program that runs beside the row, in a group of its own."""

    def __init__(self, stage, words, **options):
        self.log = stage.folder / f"log-{len(stage.processes)}-{Path(words[0]).name}"
        self.output = open(self.log, "wb")
        self.child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            start_new_session=True,
            env=stage.environment,
            cwd=stage.folder,
            **options,
        )
        stage.processes.append(self)

    def said(self):
        return self.log.read_text(errors="replace")

    def end(self):
        if self.child.poll() is None:
            try:
                os.killpg(self.child.pid, signal.SIGTERM)
                self.child.wait(2)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
        self.output.close()


class Stage:
    """The folder, the servers and the words of one row."""

    def __init__(self, name):
        self.name = name
        # Other users of this machine, as whom some servers deliver, have to come in here.
        self.folder = Path(tempfile.mkdtemp(prefix="smtp-primer-swap-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.processes = []
        self.settings = []
        self.words = {"FOLDER": str(self.folder)}
        home = self.folder / "home"
        home.mkdir()
        self.environment = {
            "PATH": PATH,
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm",
            "TZ": "UTC",
            "USER": "root",
            "LOGNAME": "root",
        }

    def close(self):
        for process in reversed(self.processes):
            process.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Words, texts and commands

    def fill(self, text):
        for word in sorted(self.words, key=len, reverse=True):
            text = text.replace(word, str(self.words[word]))
        return text

    def port(self, word):
        """A free port, known by a word."""
        # Below those that the system gives to callers, so that nobody takes it before it is used.
        while True:
            port = random.randrange(20000, 32000)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    self.words[word] = port
                    return port

    def setting(self, name, text):
        """Writes a file of settings, and keeps it for the book."""
        text = text.lstrip("\n")
        self.settings.append((name, text))
        return self.write(name, self.fill(text))

    def write(self, name, content):
        file = self.folder / name
        assert file.is_relative_to(self.folder), f"{file} is outside of the row's folder"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(0o600)
        return file

    def run(self, *words, input=None, shown=False, status=0, limit=COMMAND, **environment):
        """Runs a command to its end. `shown`: it stands in the book."""
        words = [str(word) for word in words]
        if shown:
            quoted = [f"'{w}'" if re.search(r"[^\w@%+=:,./\[\]-]", w) else w for w in words]
            self.settings.append(("", " ".join(quoted)))
        words = [self.fill(word) for word in words]
        child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment | environment,
            start_new_session=True,
        )
        try:
            stdout, stderr = child.communicate(input or b"", timeout=limit)
        finally:
            # In time or not: what it has started ends with it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        ran = subprocess.CompletedProcess(words, child.returncode, stdout, stderr)
        if status is not None and ran.returncode != status:
            said = (ran.stderr.strip() or ran.stdout.strip()).decode(errors="replace")
            command = Path(words[0]).name
            raise Differs(f"{command} ended with {ran.returncode}: {said[-300:]}")
        return ran

    def type(self, *words, keys=b"", until=20):
        """Runs a program that wants a terminal, and gives it one."""
        words = [self.fill(str(word)) for word in words]
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.execvpe(words[0], words, self.environment)
        seen, end = b"", time.monotonic() + until
        try:
            if keys:
                os.write(terminal, keys)
            while time.monotonic() < end:
                if select.select([terminal], [], [], 0.2)[0]:
                    try:
                        some = os.read(terminal, 65536)
                    except OSError:
                        some = b""
                    if not some:
                        return seen
                    seen += some
            raise Differs(f"{Path(words[0]).name} did not end")
        finally:
            (self.folder / "screen").write_bytes(seen)
            os.close(terminal)
            try:
                os.killpg(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.waitpid(child, 0)

    def start(self, *words, port=None, ready=None):
        """Starts a daemon, and waits until its port answers or it has said something."""
        process = Process(self, [self.fill(str(word)) for word in words])
        self.wait(
            lambda: (not port or answers(port)) and (not ready or re.search(ready, process.said())),
            lambda: f"{Path(words[0]).name} did not start: {process.said()[-300:]}",
            process,
        )
        return process

    def wait(self, holds, why, process=None, time_limit=DAEMON):
        end = time.monotonic() + time_limit
        while not (found := holds()):
            ended = process and process.child.poll() is not None
            if ended or time.monotonic() > end:
                raise Differs(why() if callable(why) else why)
            time.sleep(0.05)
        return found

    # Our programs

    def ours(self, *words, **options):
        return self.run(PROGRAM, *words, **options)

    def site(self, domain="a.example", lines=""):
        """A site with the users alice and bob."""
        folder = self.folder / domain
        users = ["--user", "alice:wonderland", "--user", "bob:builder"]
        self.ours("init", folder, "--domain", domain, *users)
        with open(folder / "site.conf", "a") as conf:
            conf.write(self.fill(lines) + "\n")
        return folder

    def role(self, role, site, word, *options):
        process = self.start(
            PROGRAM, role, site, "--listen", "127.0.0.1:0", *options, ready=r"listening on \S+:\d+\n"
        )
        self.words[word] = int(re.search(r":(\d+)\n", process.said())[1])
        return process

    def serve(self, site=None, word="SMTP_PORT", *options):
        site = site or self.site()
        self.role("serve", site, word, *options)
        return site

    def pop3(self, site, word="POP3_PORT"):
        return self.role("pop3", site, word)

    def letters(self, site, user="alice"):
        """The files of a mailbox."""
        box = site / "mail" / user
        files = [file for part in ["new", "cur"] for file in (box / part).iterdir()]
        return [file.read_bytes() for file in sorted(files)]

    def arrived(self, site, user="alice", count=1):
        """Waits for so many letters, and returns them."""

        def come():
            letters = self.letters(site, user)
            return letters if len(letters) >= count else None

        letters = self.wait(come, lambda: f"{len(self.letters(site, user))} of {count} letters arrived")
        demand(len(letters) == count, f"{len(letters)} letters arrived instead of {count}")
        return letters


def answers(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Machine:
    """A package that cannot be installed beside others, or wants fixed places such as /etc: it gets
    these folders as a layer over those of this machine, and processes of its own. All of it ends
    with the row, and nothing of it is seen outside."""

    def __init__(self, stage, package, command, files={}):
        self.stage = stage
        layer = LAYERS / package
        if not layer.exists() and not shutil.which(command, path=PATH):
            raise Missing(package)
        if os.geteuid() != 0:
            raise Missing(f"{package} (and it takes root to run it)")
        folder = stage.folder / f"machine-{package}"
        folder.mkdir()
        for name, text in files.items():
            stage.settings.append((name, text.lstrip("\n")))
            inside = stage.fill(text.lstrip("\n"))
            file = folder / "files" / name.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(inside)
        try:
            process = stage.start(HERE / "machine", folder, layer, ready="ready\n")
        except Differs as why:
            raise Missing(f"{package} (namespaces or overlays are not allowed here: {why})") from why
        children = Path(f"/proc/{process.child.pid}/task/{process.child.pid}/children")
        self.inside = ["nsenter", "-m", "-p", "-t", children.read_text().split()[0]]
        self.inside.append(f"--wd={stage.folder}")

    def run(self, *words, **options):
        return self.stage.run(*self.inside, *words, **options)

    def start(self, *words, **options):
        return self.stage.start(*self.inside, *words, **options)


def python():
    return sys.executable
