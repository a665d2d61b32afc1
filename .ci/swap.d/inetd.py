"""Listens on a port, and starts a program for each caller, with the socket as its input and output.

Usage: inetd.py PORT PROGRAM
"""

import socketserver
import subprocess
import sys


class Caller(socketserver.BaseRequestHandler):
    def handle(self):
        subprocess.run([sys.argv[2]], stdin=self.request, stdout=self.request, stderr=sys.stderr)


socketserver.ThreadingTCPServer.allow_reuse_address = True
with socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Caller) as server:
    server.serve_forever()
