"""Runs the rows, prints the table, and compares it with the one in the book.

Usage: run.py [ROW…|figures]
"""

import importlib
import multiprocessing
import os
import signal
import shutil
import subprocess
import sys
import time
import traceback

import figures
import page
from stage import ROOT, ROWS, WORK, Differs, Missing, Stage, version

# Their rows stand in the table in this order.
ORDER = ["clients", "servers", "relays", "maildirs", "fetchers", "inboxes", "shows"]
for module in ORDER:
    importlib.import_module(module)
ROWS.sort(key=lambda row: ORDER.index(row.run.__module__))


def late(*_):
    raise Differs("the time for this row is over")


def perform(name):
    """Runs one row; returns the outcome, the settings for the book, and the time that it took."""
    begun = time.monotonic()
    row = next(row for row in ROWS if row.name == name)
    stage = Stage(row.name)
    signal.signal(signal.SIGALRM, late)
    signal.alarm(row.limit)
    try:
        row.run(stage)
        outcome = "works"
    except Missing as missing:
        outcome = f"not installed: {missing}"
    except PermissionError as error:
        outcome = f"not installed: it takes root ({error.strerror or error})"
    except Exception as error:
        why = str(error) if isinstance(error, Differs) else f"{type(error).__name__}: {error}"
        outcome = " ".join(f"differs: {why}".split())
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
    return outcome, stage.settings, time.monotonic() - begun


def is_red(outcome, before):
    """A row that worked has to work; what differs has to stand on the page."""
    if outcome.startswith("not"):
        return before == "works" and os.environ.get("SWAP") == "install"
    return outcome.startswith("differs") and not before.startswith("differs")


def main():
    names, record = sys.argv[1:], os.environ.get("SWAP") == "record"
    if names == ["figures"]:
        figures.measure()
        return
    unknown = set(names) - {row.name for row in ROWS}
    if unknown:
        print("there is no row", *unknown, "; there are", *(row.name for row in ROWS))
        sys.exit(2)
    before = page.outcomes()
    rows = [row for row in ROWS if not names or row.name in names]
    results = []
    # Most of the time they wait for each other, and not for the processor.
    with multiprocessing.Pool(4) as pool:
        done = pool.imap(perform, [row.name for row in rows])
        for row, (outcome, settings, seconds) in zip(rows, done):
            if is_red(outcome, before.get(row.name, "")):
                # The machine may have been busy. What fails twice, alone, is wrong.
                outcome, settings, seconds = pool.apply(perform, [row.name])
            versions = ", ".join(filter(None, map(version, row.packages)))
            print(f"{row.name:20} {versions:12} {seconds:5.1f} s  {outcome}", flush=True)
            results.append((row, versions, outcome, settings))
    if record and not names:
        page.record(results)
        page.record_figures(figures.measure())
    red = [row.name for row, _, outcome, _ in results if is_red(outcome, before.get(row.name, ""))]
    if red:
        print("these rows have to work, and do not:", *red)
        print(f"what they left is in {WORK}/failed")
        sys.exit(1)


main()
