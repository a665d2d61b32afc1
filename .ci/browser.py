"""Looks at the book in a headless browser: python3 .ci/browser.py BROWSER FOLDER

The browser is driven through two pipes, with the commands of its developer tools, each a line of
JSON that a zero octet ends. That takes nothing but the standard library.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

PHONE = 400


class Browser:
    def __init__(self, program, folder):
        hear, say = os.pipe()
        listen, answer = os.pipe()

        def as_three_and_four():
            # The ends that the browser wants as 3 and 4 may be 4 and 3 by now.
            ends = os.dup(hear), os.dup(answer)
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self.process = subprocess.Popen(
            [
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--remote-debugging-pipe",
                f"--user-data-dir={folder}",
                "about:blank",
            ],
            close_fds=False,
            preexec_fn=as_three_and_four,
            stderr=subprocess.DEVNULL,
        )
        os.close(hear)
        os.close(answer)
        self.say, self.listen = say, listen
        self.heard = b""
        self.events = []
        self.calls = 0
        self.session = {}
        pages = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in pages if target["type"] == "page")
        session = self.call("Target.attachToTarget", targetId=page, flatten=True)
        self.session = {"sessionId": session["sessionId"]}
        self.call("Page.enable")
        self.call("Runtime.enable")

    def read(self):
        while b"\0" not in self.heard:
            more = os.read(self.listen, 1 << 20)
            if not more:
                sys.exit("the browser has ended")
            self.heard += more
        message, _, self.heard = self.heard.partition(b"\0")
        return json.loads(message)

    def call(self, method, **params):
        self.calls += 1
        call = {"id": self.calls, "method": method, "params": params, **self.session}
        os.write(self.say, json.dumps(call).encode() + b"\0")
        while True:
            message = self.read()
            if message.get("id") == self.calls:
                if "error" in message:
                    sys.exit(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def open(self, path):
        self.events = []
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.read())

    def run(self, script):
        """What a piece of JavaScript returns on the page."""
        script = f"(() => {{ {script} }})()"
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in result:
            sys.exit(f"{script}\n{json.dumps(result['exceptionDetails'], indent=1)}")
        return result["result"].get("value")

    def failures(self):
        """What went wrong in the scripts of the page."""
        thrown = [it for it in self.events if it.get("method") == "Runtime.exceptionThrown"]
        return [it["params"]["exceptionDetails"]["text"] for it in thrown]

    def width(self, width):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width == PHONE,
        )


# The elements that reach over the right edge, but for those in a box that scrolls by itself.
TOO_WIDE = """
const scrolls = (element) => {
  for (let at = element; at && at !== document.body; at = at.parentElement) {
    if (at.tagName === 'PRE' || at.classList.contains('table-wrapper')) return true;
  }
  return false;
};
return Array.from(document.querySelectorAll('main *'))
  .filter((it) => it.getBoundingClientRect().right > innerWidth + 1)
  .filter((it) => !scrolls(it.parentElement))
  .map((it) => it.tagName + ' ' + it.textContent.trim().slice(0, 60))
  .slice(0, 3);
"""

# Which lines of the first conversation with a player can be seen.
SEEN = """
const player = document.querySelector('.player');
const code = player.previousElementSibling.querySelector('code');
const lines = Array.from(code.querySelectorAll('.line')).filter((it) => /^[CS]:/.test(it.textContent));
const seen = lines.filter((it) => getComputedStyle(it).visibility === 'visible');
return {
  all: lines.map((it) => it.textContent.trimEnd()),
  seen: seen.length,
  word: player.querySelector('.word').innerText,
  facts: player.querySelector('.facts').innerText,
  octets: Array.from(player.querySelectorAll('.octet'), (it) => it.textContent),
};
"""


def press(browser, name):
    browser.run(
        "const buttons = Array.from(document.querySelectorAll('.player')[0].querySelectorAll('button'));"
        f"buttons.find((it) => it.textContent === '{name}').click();"
    )


def expect(what, is_so, shown=""):
    if not is_so:
        sys.exit(f"not so: {what}\n{shown}")


def a_phone_shows_all(browser, pages):
    browser.width(PHONE)
    for page in pages:
        browser.open(page)
        expect(f"{page.name}: its scripts run", not browser.failures(), browser.failures())
        wide = browser.run(TOO_WIDE)
        expect(f"{page.name}: nothing is wider than a phone", not wide, wide)
        width = browser.run("return document.documentElement.scrollWidth")
        expect(f"{page.name}: it does not scroll sideways", width <= PHONE, width)


def the_player_steps(browser, page):
    browser.width(1000)
    browser.open(page)
    at_first = browser.run(SEEN)
    lines = at_first["all"]
    expect("all lines are there at first", at_first["seen"] == len(lines), at_first)
    press(browser, "Step through")
    for reached in range(len(lines) + 1):
        now = browser.run(SEEN)
        expect(f"{reached} lines are seen after as many steps", now["seen"] == reached, now)
        after_client = reached == 0 or lines[reached - 1].startswith("C:")
        asks = reached < len(lines) and lines[reached].startswith("S:") and after_client
        expect("a line of the server is asked for", asks == ("What will the server" in now["word"]), now)
        if reached > 0 and lines[reached - 1].startswith("S: 2"):
            expect("it is said which function answered", "Answered by" in now["word"], now)
        expect("the state is shown", "The server" in now["facts"], now)
        press(browser, "Step")
    press(browser, "Again")
    press(browser, "Step")
    press(browser, "Octets")
    now = browser.run(SEEN)
    expect("octets are seen, CR and LF too", now["octets"][-2:] == ["CR", "LF"], now)
    browser.run("document.querySelector('.player button:not([hidden])').focus();")
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        for kind in ("rawKeyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key=key)
    now = browser.run(SEEN)
    expect("arrow keys step to and fro", now["seen"] == 2, now)
    expect("and do not turn the page", browser.run("return location.pathname").endswith(page.name))
    press(browser, "All")
    expect("all of it is seen", browser.run(SEEN)["seen"] == len(lines))
    press(browser, "Again")
    press(browser, "Close")
    expect("nothing is hidden afterwards", browser.run(SEEN)["seen"] == len(lines))
    return lines


def the_client_is_copied(browser, lines):
    copied = browser.run(
        """
        let copied = null;
        const clipboard = { writeText: (text) => { copied = text; return Promise.resolve(); } };
        Object.defineProperty(navigator, 'clipboard', { value: clipboard, configurable: true });
        const pre = document.querySelector('.player').previousElementSibling;
        pre.querySelector('.clip-button').click();
        return copied;
        """
    )
    due = "".join(f"{line[3:]}\n" for line in lines if line.startswith("C:"))
    expect("the client's lines are copied, without C:", copied == due, copied)


def links_of_the_player_lead_somewhere(browser, folder):
    places = browser.run("return window.PLACES")
    expect("some functions are shown in the book", len(places) > 0)
    for place, link in places.items():
        page, _, heading = link.partition("#")
        text = (folder / page).read_text()
        expect(f"{place} is at {link}", f'id="{heading}"' in text)


def without_scripts_all_is_there(browser, page, lines):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(page)
    shown = browser.run("return document.querySelector('main').innerText")
    missing = [line for line in lines if line not in shown]
    expect("all lines are there without scripts", not missing, missing)
    buttons = browser.run("return document.querySelectorAll('.player, .clip-button').length")
    expect("no script has run", buttons == 0, buttons)
    browser.call("Emulation.setScriptExecutionDisabled", value=False)


def paper_has_all(browser, page):
    browser.open(page)
    expect("its scripts run", not browser.failures(), browser.failures())
    titles = browser.run("return document.querySelectorAll('main h1').length")
    entries = browser.run("return document.querySelectorAll('nav.contents li').length")
    expect("the print page begins with its contents", titles == entries > 20, entries)
    folded = browser.run("return document.querySelectorAll('details:not([open])').length")
    expect("nothing is folded on paper", folded == 0, folded)


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    begun = time.monotonic()
    pages = sorted(folder.glob("*.html"))
    special = {"print.html", "toc.html", "404.html"}
    pages = [page for page in pages if page.name not in special]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            page = next(page for page in pages if page.name.startswith("ch01"))
            lines = the_player_steps(browser, page)
            the_client_is_copied(browser, lines)
            links_of_the_player_lead_somewhere(browser, folder)
            without_scripts_all_is_there(browser, page, lines)
            paper_has_all(browser, folder / "print.html")
            a_phone_shows_all(browser, pages)
        finally:
            browser.process.terminate()
            browser.process.wait(10)
    print(f"{len(pages)} pages looked at, in {time.monotonic() - begun:.0f} s")


main()
