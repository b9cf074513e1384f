"""Takes what Provost sends: webhooks by HTTP, e-mail by SMTP, with libraries that others wrote.

Says its two ports in the first line; ends when its standard input does.  What came is appended to the file that is named, a JSON object
a line.  While the file MOOD is there, webhooks are answered with the status in it."""

import asyncio
import json
import os
import sys
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRET, FILE, MOOD = sys.argv[1:4]
lock = threading.Lock()


def keep(what):
    with lock, open(FILE, "a", encoding="utf-8") as file:
        file.write(json.dumps(what) + "\n")


class Hooks(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            verified = Webhook(SECRET).verify(body, headers)
            why = ""
        except WebhookVerificationError as error:
            verified, why = None, str(error)
        keep({"kind": "http", "path": self.path, "headers": headers, "body": body.decode(), "verified": verified is not None, "why": why})
        status = 204
        if os.path.exists(MOOD):
            with open(MOOD, encoding="utf-8") as mood:
                status = int(mood.read())
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Post:
    async def handle_DATA(self, server, session, envelope):
        message = message_from_bytes(envelope.content, policy=policy.default)
        keep({
            "kind": "mail",
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": message["subject"],
            "id": message["message-id"],
            "automatic": message["auto-submitted"],
            "text": message.get_content(),
            "user": session.auth_data.login.decode() if session.authenticated else "",
        })
        return "250 taken"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"


def let_in(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"provost", b"a-password")
    return AuthResult(success=good, auth_data=data)


hooks = ThreadingHTTPServer(("127.0.0.1", 0), Hooks)
threading.Thread(target=hooks.serve_forever, daemon=True).start()


async def serve():
    loop = asyncio.get_running_loop()
    make = lambda: SMTP(Post(), hostname="receiver", authenticator=let_in, auth_require_tls=False, auth_required=True, loop=loop)
    post = await loop.create_server(make, "127.0.0.1", 0)
    print(hooks.server_address[1], post.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(serve())
