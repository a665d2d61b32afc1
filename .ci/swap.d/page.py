"""The page of the book that shows the last run: it is written there, and read from there."""

import platform
import re
import shutil
import time

from stage import ROOT

PAGE = ROOT / "book" / "src" / "swap-it.md"
SETTINGS = ROOT / "book" / "settings"


def outcomes():
    """The outcome of each row in the run that the page shows."""
    cells = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    return {row[0].strip("|` "): row[-1].removesuffix(" |") for row in cells if len(row) == 5}


def write(part, text):
    """Writes what stands between two marks."""
    page = PAGE.read_text()
    between = re.compile(f"(?<=<!-- {part} -->\n).*(?=<!-- end of {part} -->)", re.DOTALL)
    if not between.search(page):
        raise SystemExit(f"{PAGE} has no part {part}")
    PAGE.write_text(between.sub(lambda _: text, page))


def when():
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{time.strftime('%Y-%m-%d', time.gmtime())}, {system}"


def record(results):
    table = f"Run of {when()}.\n"
    group = ""
    for row, version, outcome, _ in results:
        if row.group != group:
            group = row.group
            table += f"\n**{group}**\n\n| row | program | version | what was done | outcome |\n|---|---|---|---|---|\n"
        does = row.does.replace("|", "\\|")
        table += f"| `{row.name}` | {row.program} | {version} | {does} | {outcome.replace('|', '/')} |\n"
    write("table", table)
    shutil.rmtree(SETTINGS, ignore_errors=True)
    SETTINGS.mkdir()
    blocks, seen = "", set()
    for row, _, _, texts in results:
        commands = [text for name, text in texts if not name]
        files = [(name, text) for name, text in texts if name]
        for name, text in files + ([("", "\n".join(commands))] if commands else []):
            if (name, text) in seen:
                continue
            seen.add((name, text))
            file = f"{row.name}-{name.strip('/').split('/')[-1].strip('.') or 'command'}.txt"
            (SETTINGS / file).write_text(text.strip() + "\n")
            what = f"`{name}`" if name else "the command"
            blocks += f"{row.program}, {what} (row `{row.name}`):\n\n"
            blocks += f"```text\n{{{{#include ../settings/{file}}}}}\n```\n\n"
    write("settings", blocks)


def record_figures(lines):
    table = f"Run of {when()}.\n\n| server | what it has done when it says 250 | letters a second | of the bare loop |\n|---|---|---|---|\n"
    for name, done, rate, ratio in lines:
        table += f"| {name} | {done} | {rate} | {ratio} |\n"
    write("figures", table)
