"""Runs the rows, prints the table, and compares it with the one in the book.

Usage: run.py [--record] [ROW…]
"""

import importlib
import os
import signal
import shutil
import subprocess
import sys
import time
import traceback

import page
from stage import ROOT, ROWS, WORK, Differs, Missing, Stage, version

for module in ["clients", "maildirs", "fetchers", "servers", "relays", "inboxes", "shows"]:
    if (ROOT / ".ci" / "swap.d" / f"{module}.py").exists():
        importlib.import_module(module)


def late(*_):
    raise Differs("the time for this row is over")


def perform(row):
    """Runs one row; returns the outcome, and the settings for the book."""
    stage = Stage(row.name)
    signal.signal(signal.SIGALRM, late)
    signal.alarm(row.limit)
    try:
        row.run(stage)
        outcome = "works"
    except Missing as missing:
        outcome = f"not installed: {missing}"
    except Exception as error:
        why = str(error) if isinstance(error, Differs) else f"{type(error).__name__}: {error}"
        outcome = f"differs: {why}"
        (stage.folder / "traceback").write_text(traceback.format_exc())
    finally:
        signal.alarm(0)
        for process in reversed(stage.processes):
            process.end()
    kept = WORK / "failed" / row.name
    shutil.rmtree(kept, ignore_errors=True)
    if outcome.startswith("differs"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", stage.folder, kept])
    stage.close()
    return outcome, stage.settings


def main():
    words = sys.argv[1:]
    record = "--record" in words
    names = [word for word in words if not word.startswith("-")]
    unknown = set(names) - {row.name for row in ROWS}
    if unknown or [word for word in words if word.startswith("-") and word != "--record"]:
        print(f"there is no row {' '.join(unknown)}; there are:", *(row.name for row in ROWS))
        sys.exit(2)
    before = page.outcomes()
    results, red = [], []
    for row in ROWS:
        if names and row.name not in names:
            continue
        begun = time.monotonic()
        outcome, settings = perform(row)
        versions = ", ".join(filter(None, map(version, row.packages)))
        seconds = time.monotonic() - begun
        print(f"{row.name:20} {versions:12} {seconds:5.1f} s  {outcome}", flush=True)
        results.append((row, versions, outcome, settings))
        if outcome.startswith("differs") and not before.get(row.name, "").startswith("differs"):
            red.append(row.name)
        if outcome.startswith("not") and os.environ.get("SWAP") == "install" and before.get(row.name) == "works":
            red.append(row.name)
    if record:
        page.record(results)
    if red:
        print("these rows have to work, and do not:", *red)
        print(f"what they left is in {WORK}/failed")
        sys.exit(1)


main()
