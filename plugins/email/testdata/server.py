"""A mail server for the tests, on a free port of 127.0.0.1, made of aiosmtpd.

It takes one argument, JSON: out (folder for what arrives), tls (starttls, implicit,
none), cert, key, user, password, size. It prints its port, and ends with its stdin.
What happens to a message depends on its recipients: see Box.
"""
import asyncio, base64, hashlib, hmac, json, os, ssl, sys

from aiosmtpd.smtp import SMTP, AuthResult

cfg = json.loads(sys.argv[1])


class Box:
    def __init__(self):
        self.seen, self.n = set(), 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "refused":
            return "550 5.1.1 no such mailbox"
        if name == "later" or name == "grey" and (address, "grey") not in self.seen:
            self.seen.add((address, "grey"))
            return "451 4.7.1 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        if any(a.startswith("full@") for a in envelope.rcpt_tos):
            return "552 5.2.2 mailbox full"
        self.n += 1
        path = os.path.join(cfg["out"], "%03d" % self.n)
        with open(path + ".eml", "wb") as f:
            f.write(envelope.original_content)
        about = {
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "hello": session.host_name,
            "tls": session.ssl is not None or cfg["tls"] == "implicit", "user": session.auth_data or "",
        }
        with open(path + ".json", "w") as f:
            json.dump(about, f)
        for a in envelope.rcpt_tos:
            if a.startswith("vanish@") and a not in self.seen:
                self.seen.add(a)
                server.transport.abort()
            if a.startswith("rude@"):  # says yes and hangs up
                server.transport.write(b"250 2.0.0 taken\r\n")
                server.transport.close()
        return "250 2.0.0 taken as %d" % self.n

    async def auth_CRAM__MD5(self, server, args):
        challenge = b"<1.2@test>"
        answer = await server.challenge_auth(challenge)
        user, digest = answer.decode().split()
        want = hmac.new(cfg["password"].encode(), challenge, hashlib.md5).hexdigest()
        ok = user == cfg["user"] and digest == want
        return AuthResult(success=ok, handled=False, auth_data=user)


def check(server, session, envelope, mechanism, data):
    ok = data.login.decode() == cfg["user"] and data.password.decode() == cfg["password"]
    return AuthResult(success=ok, handled=False, auth_data=data.login.decode())


async def main():
    tls, box = None, Box()
    if cfg["tls"] != "none":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cfg["cert"], cfg["key"])
    auth = bool(cfg.get("user"))

    def server():
        return SMTP(
            box, hostname="test", ident="test", data_size_limit=cfg.get("size") or 33554432, enable_SMTPUTF8=True,
            auth_required=auth, auth_require_tls=cfg["tls"] == "starttls", authenticator=check,
            tls_context=tls if cfg["tls"] == "starttls" else None, require_starttls=cfg["tls"] == "starttls",
            auth_exclude_mechanism=cfg.get("without") or [],
        )

    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0, ssl=tls if cfg["tls"] == "implicit" else None)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
