"""A server that takes letters for any domain, and keeps each with its recipient.

Usage: catcher.py PORT FOLDER
"""

import socketserver
import sys
from pathlib import Path

port, folder = int(sys.argv[1]), Path(sys.argv[2])
count = 0


class Catcher(socketserver.StreamRequestHandler):
    def handle(self):
        global count
        say = lambda line: self.wfile.write(line + b"\r\n")
        say(b"220 catcher.example")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                say(b"250-catcher.example")
                say(b"250 8BITMIME")
            elif verb == b"RCPT":
                to = line.partition(b"<")[2].partition(b">")[0]
                say(b"250 good")
            elif verb == b"DATA":
                say(b"354 go on")
                text = b""
                while (line := self.rfile.readline()) != b".\r\n":
                    text += line[1:] if line.startswith(b".") else line
                count += 1
                (folder / f"{count}.to").write_bytes(to)
                (folder / f"{count}.letter").write_bytes(text)
                say(b"250 kept")
            elif verb == b"QUIT":
                say(b"221 goodbye")
                return
            else:
                say(b"250 good")


with socketserver.TCPServer(("127.0.0.1", port), Catcher) as server:
    print("ready", flush=True)
    server.serve_forever()
