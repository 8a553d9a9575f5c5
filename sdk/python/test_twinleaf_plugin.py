import json
import os
import socket
import tempfile
import threading
import time
import unittest

import twinleaf_plugin as sdk
from twinleaf_plugin import Call, Cancelled, Error, Plugin, Refuse, Temporary


def sample():
    plugin = Plugin("example.x", "1.0.0")

    @plugin.filter(required=["name"], settings={
        "name": {"type": "string"},
        "count": {"type": "integer", "default": 3},
        "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "number"}}, "additionalProperties": False}},
    })
    def look(call, request, settings):
        return {"blank": settings["count"] == 3}

    return plugin


class Wire(unittest.TestCase):
    def test_messages_survive_the_journey(self):
        got = sdk.decode(sdk.encode((1, "id"), (2, b"\0\xff"), (3, 300), (4, 0), (5, 1.5), (10, -1)))
        self.assertEqual(got, {1: b"id", 2: b"\0\xff", 3: 300, 5: b"\0\0\0\0\0\0\xf8?", 10: 2**64 - 1})

    def test_the_bytes_are_those_of_protocol_buffers(self):
        self.assertEqual(sdk.encode((1, "a"), (2, 150)), b"\x0a\x01a\x10\x96\x01")

    def test_junk_is_an_error_and_no_hang(self):
        for junk in (b"\x0a\x05ab", b"\xff" * 20, b"\x0b", b"\x80"):
            with self.assertRaises(ValueError):
                sdk.decode(junk)


class Settings(unittest.TestCase):
    def test_settings_are_read_strictly(self):
        plugin = sample()
        for raw, want in (
            ('{"name":"x","list":[{"a":1.5}]}', None),
            ("", ("/name", "is required")),
            ('{"name":"x","nmae":1}', ("/nmae", "unknown field; known are count, list, name")),
            ('{"name":5}', ("/name", "5 is no string")),
            ('{"name":"x","count":true}', ("/count", "true is no integer")),
            ('{"name":"x","list":[{"b":1}]}', ("/list/0/b", "unknown field; known are a")),
            ("{", ("", "not JSON")),
        ):
            got = plugin._validate("filter", raw.encode())
            self.assertEqual(got and (got[0], got[1][: len(want[1])]), want, raw)

    def test_defaults_are_filled_in(self):
        self.assertEqual(sample().call("clean", {}, {"name": "x"}), {"blank": True})


class Errors(unittest.TestCase):
    def do(self, error):
        plugin = Plugin("example.x", "1.0.0")

        @plugin.filter()
        def fails(call, request, settings):
            raise error

        call = Call("1", "clean", "/nowhere", "/nowhere")
        call.log.logger.disabled = True
        answer, err = plugin._do(call, "filter", b"{}", b"")
        self.assertIsNone(answer)
        return err.code, err.detail, err.remedy, err.temporary

    def test_errors_keep_their_meaning(self):
        self.assertEqual(self.do(Refuse("damaged", "scan again", "torn")), ("damaged", "torn", "scan again", False))
        self.assertEqual(self.do(Temporary("not today")), ("", "not today", "", True))
        self.assertEqual(self.do(KeyError("x")), ("internal", "KeyError: 'x'", "", False))
        self.assertTrue(self.do(OSError(28, "disk full"))[3])
        self.assertFalse(self.do(FileNotFoundError(2, "gone"))[3])

    def test_a_late_call_is_cancelled(self):
        call = Call("1", "clean", "", "", deadline=time.time() - 1)
        with self.assertRaises(Cancelled):
            call.check()

    def test_an_unknown_operation_is_refused(self):
        _, err = sample()._do(Call("1", "fly", "", ""), "filter", b"{}", b"")
        self.assertEqual(err.code, "unsupported")


class Proxy(unittest.TestCase):
    """Connections go through the server's proxy, which may say no."""

    def answer(self, head):
        with tempfile.TemporaryDirectory() as dir:
            path = os.path.join(dir, "egress")
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.addCleanup(listener.close)
            listener.bind(path)
            listener.listen(1)

            def serve():
                conn, _ = listener.accept()
                with conn:
                    asked = conn.recv(4096)
                    conn.sendall(head + (asked.split(b"\r\n")[0] if b" 200 " in head else b""))

            thread = threading.Thread(target=serve)
            thread.start()
            os.environ["TWINLEAF_EGRESS"] = path
            try:
                return Call("1", "deliver", "", "").connect("api.example.com", 443)
            finally:
                del os.environ["TWINLEAF_EGRESS"]
                thread.join()

    def test_a_granted_connection_is_a_tunnel(self):
        with self.answer(b"HTTP/1.1 200 OK\r\n\r\n") as conn:
            self.assertEqual(conn.recv(100), b"CONNECT api.example.com:443 HTTP/1.1")

    def test_a_refusal_says_why(self):
        with self.assertRaises(Refuse) as caught:
            self.answer(b"HTTP/1.1 403 Forbidden\r\n\r\nnot in its manifest")
        self.assertIn("not in its manifest", caught.exception.detail)
        with self.assertRaises(Error) as caught:
            self.answer(b"HTTP/1.1 502 Bad Gateway\r\n\r\naway")
        self.assertTrue(caught.exception.temporary)


class Manifests(unittest.TestCase):
    def test_the_manifest_comes_out_of_the_code(self):
        m = sample().manifest()
        self.assertEqual((m["name"], m["protocol"], m["components"][0]["ops"]), ("example.x", 2, ["clean"]))
        self.assertEqual(m["components"][0]["settings"]["required"], ["name"])
        json.dumps(m)

    def test_names_and_components_are_checked(self):
        with self.assertRaises(ValueError):
            Plugin("No Name", "1.0.0")
        with self.assertRaises(ValueError):
            sample().filter()(lambda call, request, settings: {})

    def test_outputs_stay_in_their_folder(self):
        self.assertEqual(Call("1", "clean", "/out", "/tmp").out("../../page.png"), "/out/page.png")


if __name__ == "__main__":
    unittest.main()
