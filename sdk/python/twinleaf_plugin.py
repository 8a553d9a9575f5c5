"""Writes plug-ins of Twinleaf in Python.

This one file is the whole SDK: copy it beside your program. It needs Python 3.9 and
grpcio (Debian: python3-grpcio), and grpcio only when a server starts the plug-in.

    from twinleaf_plugin import Plugin

    plugin = Plugin("example.words", "1.0.0", summary="counts words")

    @plugin.indexer(settings={"field": {"type": "string", "default": "words"}})
    def index(call, request, settings):
        count = sum(len(list(words(call.load(f)))) for f in request["texts"])
        return {"fields": {settings["field"]: str(count)}}

    if __name__ == "__main__":
        plugin.serve()

A handler gets the call, the request and the settings, both as dictionaries in the form
that PLUGINS.md shows, and returns the answer as one. It raises Refuse when the input is
at fault and Temporary when another try later may help.
"""

import errno
import http.client
import json
import logging
import os
import queue
import re
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import traceback
from concurrent import futures

__all__ = ["Plugin", "Call", "Error", "Refuse", "Temporary", "Cancelled", "words", "text"]

GENERATION = 2
COOKIE = ("TWINLEAF_PLUGIN", "a plug-in of twinleaf is started by its host")
MAX_MESSAGE = 16 << 20  # bytes of a message, either way
MAX_ANSWER = MAX_MESSAGE // 2

OPERATIONS = {
    "reader": ("inspect", "page", "text"),
    "filter": ("clean",),
    "recognizer": ("recognize",),
    "indexer": ("index",),
    "assembler": ("assemble",),
    "deliverer": ("deliver",),
}


# --- errors -----------------------------------------------------------------------


class Error(Exception):
    """An error that the server understands."""

    def __init__(self, detail, code="", remedy="", temporary=False):
        super().__init__(detail)
        self.detail, self.code, self.remedy, self.temporary = detail, code, remedy, temporary


class Refuse(Error):
    """The input is at fault: trying again will not help.

    code is one of not-a-scan, damaged, encrypted, over-limit, dynamic-form,
    unsupported, no-language, or your own; remedy says what a person can do.
    """

    def __init__(self, code, remedy, detail):
        super().__init__(detail, code, remedy)


class Temporary(Error):
    """Trying again later may help."""

    def __init__(self, detail, code="", remedy=""):
        super().__init__(str(detail), code, remedy, temporary=True)


class Cancelled(Exception):
    """The call was cancelled, or its time is over: Call.check raises it."""


# What tells of the machine's state and not of the input.
_PASSING = (errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR, errno.EIO)


def _as_error(err):
    """Any exception as what the server understands."""
    if isinstance(err, Error):
        return err
    if isinstance(err, Cancelled):
        return Error(str(err), "timeout" if "time" in str(err) else "", temporary=True)
    if isinstance(err, OSError):
        return Error(str(err), temporary=err.errno in _PASSING)
    return Error("%s: %s" % (type(err).__name__, err), "internal")


# --- settings ---------------------------------------------------------------------


class SettingsError(Exception):
    """What is wrong with settings; path is a JSON pointer to the place."""

    def __init__(self, path, detail):
        super().__init__("settings: %s: %s" % (path, detail) if path else "settings: " + detail)
        self.path, self.detail = path, detail


_TYPES = {"string": str, "boolean": bool, "array": list, "object": dict}


def _schema(properties, required):
    """The strict JSON Schema of a component's settings."""
    schema = {"type": "object", "properties": properties or {}, "additionalProperties": False}
    for name in required or ():
        if name not in schema["properties"]:
            raise ValueError("required setting %s is not among the settings" % name)
    if required:
        schema["required"] = list(required)
    return schema


def _settings(schema, raw, validate):
    """Reads settings strictly and fills defaults in."""
    try:
        value = json.loads(raw) if raw and raw.strip() else {}
    except ValueError as err:
        raise SettingsError("", "not JSON: %s" % err) from None
    value = {} if value is None else value
    _check(schema, value, "")
    _fill(schema, value)
    if validate:
        try:
            validate(value)
        except SettingsError:
            raise
        except ValueError as err:
            raise SettingsError("", str(err)) from None
    return value


def _check(schema, value, path):
    kind = schema.get("type")
    if kind and not _is(kind, value):
        raise SettingsError(path, "%s is no %s" % (json.dumps(value), kind))
    if "enum" in schema and value not in schema["enum"]:
        raise SettingsError(path, "%s is none of %s" % (json.dumps(value), json.dumps(schema["enum"])))
    if kind == "array":
        for i, item in enumerate(value):
            _check(schema.get("items", {}), item, "%s/%d" % (path, i))
    if kind != "object":
        return
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            raise SettingsError("%s/%s" % (path, name), "is required")
    for name in sorted(value):
        at = "%s/%s" % (path, name.replace("~", "~0").replace("/", "~1"))
        if name in known:
            _check(known[name], value[name], at)
        elif schema.get("additionalProperties") is False:
            raise SettingsError(at, "unknown field; known are " + ", ".join(sorted(known)) if known else "unknown field; there are no settings here")


def _is(kind, value):
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, _TYPES.get(kind, object))


def _fill(schema, value):
    for name, field in schema.get("properties", {}).items():
        if name not in value and "default" in field:
            value[name] = json.loads(json.dumps(field["default"]))


# --- calls ------------------------------------------------------------------------


class Call:
    """One call: where its files go, its log, and when it must stop."""

    def __init__(self, id, op, out, temp, deadline=None, progress=None):
        self.id, self.op, self.temp, self.deadline = id, op, temp, deadline  # deadline: time.time()
        self.log = logging.LoggerAdapter(logging.getLogger("plugin"), {"call": id, "op": op})
        self._out, self._told, self._last = out, progress, 0.0
        self._cancelled = threading.Event()

    def out(self, name):
        """The path of a new file of the answer; only the last element of name counts."""
        return os.path.join(self._out, os.path.basename(name))

    def file(self, name, media=""):
        """A file of the answer, to be made at its path."""
        f = {"path": self.out(name), "name": os.path.basename(name)}
        return dict(f, media=media) if media else f

    def load(self, file):
        """Reads a JSON file of the request, such as the text of a page."""
        with open(file["path"], encoding="utf-8") as f:
            return json.load(f)

    def progress(self, fraction):
        """Tells how far the call is, 0 to 1. Call it as often as you like."""
        now = time.monotonic()
        if self._told and now - self._last >= 0.1:
            self._last = now
            self._told(min(max(fraction, 0.0), 1.0))

    @property
    def cancelled(self):
        """Whether the work is no longer wanted."""
        return self._cancelled.is_set() or self.late

    @property
    def late(self):
        return self.deadline is not None and time.time() >= self.deadline

    def check(self):
        """Raises Cancelled when the work is no longer wanted: call it in long loops."""
        if self._cancelled.is_set():
            raise Cancelled("the call was cancelled")
        if self.late:
            raise Cancelled("the call's time is over")

    def connect(self, host, port):
        """A TCP connection, through the server's proxy where there is one.

        The proxy lets through what the manifest asks for (public hosts) and what the
        operator's own settings grant.
        """
        return _connect(host, port)

    def https(self, host, port=443, timeout=60):
        """An http.client.HTTPSConnection made by connect. http does it without TLS."""
        c = http.client.HTTPSConnection(host, port, timeout=timeout)
        c._create_connection = lambda address, *_: _connect(*address)
        return c

    def http(self, host, port=80, timeout=60):
        c = http.client.HTTPConnection(host, port, timeout=timeout)
        c._create_connection = lambda address, *_: _connect(*address)
        return c


def _connect(host, port):
    proxy = os.environ.get("TWINLEAF_EGRESS")
    if not proxy:
        return socket.create_connection((host, port), timeout=60)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(60)
    try:
        s.connect(proxy)
        s.sendall(("CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n\r\n" % (host, port, host, port)).encode())
        head = b""
        while b"\r\n\r\n" not in head and len(head) < 8192:
            byte = s.recv(1)  # not a byte of the connection itself may be read here
            if not byte:
                break
            head += byte
        status = head.split(b" ", 2)[1:2]
        if status == [b"200"]:
            return s
        why = s.recv(1000).decode("utf-8", "replace").strip()
        if status == [b"403"]:
            raise Refuse("not-granted", 'see its permissions with "twinleaf plugin list"', "connection to %s:%d: %s" % (host, port, why))
        raise Temporary("connection to %s:%d: %s" % (host, port, why))
    except BaseException:
        s.close()
        raise


# --- page text --------------------------------------------------------------------


def words(page):
    """The words of a page's text in reading order, each with text, box and conf."""
    for line in _lines(page):
        yield from line.get("words") or ()


def text(page):
    """The text of a page, a line for each line."""
    return "\n".join(" ".join(w["text"] for w in line.get("words") or ()) for line in _lines(page))


def _lines(page):
    for block in page.get("blocks") or ():
        for paragraph in block.get("paragraphs") or ():
            yield from paragraph.get("lines") or ()


# --- the plug-in ------------------------------------------------------------------


class Plugin:
    """A plug-in: what it is called, and one component or more."""

    def __init__(self, name, version, summary="", license="", engine="", permissions=None):
        self.info = {"name": name, "version": version}
        for key, value in (("summary", summary), ("license", license), ("permissions", permissions), ("engine", engine)):
            if value:
                self.info[key] = value
        if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", name):
            raise ValueError("plug-in name %r: want lower-case letters, digits, dots and dashes" % name)
        self.components = {}

    def _add(self, kind, handlers, settings, required, validate, id, media=None):
        id = id or kind
        if id in self.components:
            raise ValueError("component %s is there twice; give one another id" % id)
        self.components[id] = {
            "kind": kind, "media": media, "handlers": handlers, "validate": validate, "schema": _schema(settings, required),
        }

    def _decorator(self, kind, settings, required, validate, id):
        def add(handler):
            self._add(kind, {OPERATIONS[kind][0]: handler}, settings, required, validate, id)
            return handler

        return add

    # Each is a decorator. settings are the properties of a JSON Schema, required the names
    # of those that must be there; validate gets the settings and raises ValueError.

    def filter(self, settings=None, required=(), validate=None, id=None):
        return self._decorator("filter", settings, required, validate, id)

    def recognizer(self, settings=None, required=(), validate=None, id=None):
        return self._decorator("recognizer", settings, required, validate, id)

    def indexer(self, settings=None, required=(), validate=None, id=None):
        return self._decorator("indexer", settings, required, validate, id)

    def assembler(self, settings=None, required=(), validate=None, id=None):
        """The handler's request is the document itself."""
        return self._decorator("assembler", settings, required, validate, id)

    def deliverer(self, settings=None, required=(), validate=None, id=None):
        return self._decorator("deliverer", settings, required, validate, id)

    def reader(self, media, inspect, page, text=None, settings=None, required=(), validate=None, id=None):
        """A reader has three handlers (text: only where pages carry text)."""
        handlers = {"inspect": inspect, "page": page}
        if text:
            handlers["text"] = text
        self._add("reader", handlers, settings, required, validate, id, list(media))

    def manifest(self):
        components = []
        for id, c in self.components.items():
            about = {"id": id, "kind": c["kind"], "ops": sorted(c["handlers"]), "settings": c["schema"]}
            components.append(dict(about, media=c["media"]) if c["media"] else about)
        return dict(self.info, protocol=GENERATION, components=components)

    def call(self, op, request, settings=None, id=None):
        """Makes one call in this process, for tests: the answer, or what the handler raised.

        Files of the answer lie in a temporary folder that stays.
        """
        for name, c in self.components.items():
            if op in c["handlers"] and id in (None, name):
                folder = tempfile.mkdtemp(prefix="twinleaf-test-")
                for part in ("out", "tmp"):
                    os.mkdir(os.path.join(folder, part))
                call = Call("test", op, os.path.join(folder, "out"), os.path.join(folder, "tmp"))
                return c["handlers"][op](call, request, _settings(c["schema"], json.dumps(settings or {}), c["validate"]))
        raise ValueError("no component has an operation %s" % op)

    def serve(self):
        """Runs the plug-in and never returns."""
        if os.environ.get(COOKIE[0]) == COOKIE[1]:
            _Server(self).run()
        sys.exit(self._by_hand(sys.argv))

    def _by_hand(self, args):
        if args[1:] == ["describe"]:
            json.dump(self.manifest(), sys.stdout, indent=2)
            print()
            return 0
        usage = (
            "%s %s is a plug-in of Twinleaf: put the program into the server's plug-in folder, which starts it.\n"
            'hint: "%s describe" prints what it does and its settings'
            % (self.info["name"], self.info["version"], os.path.basename(args[0]))
        )
        asked = args[1:] in (["--help"], ["-h"], ["help"])
        print(usage, file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2

    # What follows answers a server.

    def _validate(self, id, raw):
        c = self.components.get(id)
        if c is None:
            return "", "there is no component %r" % id
        try:
            _settings(c["schema"], raw, c["validate"])
        except SettingsError as err:
            return err.path, err.detail
        return None

    def _do(self, call, id, args, raw):
        """Makes one call: the answer as JSON, or an Error."""
        c = self.components.get(id)
        handler = c and c["handlers"].get(call.op)
        if handler is None:
            return None, Refuse("unsupported", "", "there is no operation %s of a component %r" % (call.op, id))
        try:
            settings = _settings(c["schema"], raw, c["validate"])
            request = json.loads(args)
            if call.op == "assemble":
                request = call.load(request["document"])
            answer = json.dumps(handler(call, request, settings)).encode()
            if len(answer) > MAX_ANSWER:
                raise Refuse("over-limit", "write large answers to a file", "the answer of %s has %d bytes" % (call.op, len(answer)))
            return answer, None
        except SettingsError as err:
            return None, Refuse("settings", '"PROGRAM describe" prints the settings that it knows', str(err))
        except (Error, Cancelled) as err:
            return None, _as_error(err)
        except Exception as err:  # whatever it is, it ends this call only
            call.log.error("exception", extra={"stack": traceback.format_exc()})
            return None, _as_error(err)


class _JSONLines(logging.Formatter):
    """One JSON object a line, as the server reads them."""

    def format(self, record):
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": {"CRITICAL": "ERROR", "WARNING": "WARN"}.get(record.levelname, record.levelname),
            "msg": record.getMessage(),
        }
        for key in ("call", "op", "stack"):
            if hasattr(record, key):
                line[key] = getattr(record, key)
        if record.exc_info:
            line["stack"] = self.formatException(record.exc_info)
        return json.dumps(line)


class _Server:
    """Speaks generation 2 of the plug-in protocol over go-plugin's handshake."""

    def __init__(self, plugin):
        self.plugin, self.running, self.stop = plugin, {}, threading.Event()
        self.cancelled = None  # the call that was cancelled last, maybe before it ran

    def run(self):
        stdout, sys.stdout = sys.stdout, sys.stderr  # what a handler prints must not go there
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_JSONLines())
        logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
        if os.environ.get("TWINLEAF_PLUGIN_LEASH") == "stdin":
            threading.Thread(target=_leash, daemon=True).start()
        import grpc

        limits = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)]
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=limits)
        server.add_generic_rpc_handlers((self._handlers(grpc),))
        path = os.path.join(os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or tempfile.gettempdir(), "p%d" % os.getpid())
        server.add_insecure_port("unix:" + path)
        server.start()
        print("1|%d|unix|%s|grpc|" % (GENERATION, path), file=stdout, flush=True)
        self.stop.wait()
        server.stop(0.2).wait()
        os._exit(0)

    def _handlers(self, grpc):
        def unary(answer):
            return grpc.unary_unary_rpc_method_handler(lambda request, _: answer(request), request_deserializer=decode, response_serializer=bytes)

        service = {
            "/twinleaf.plugin.v2.Plugin/Describe": unary(lambda _: encode((1, json.dumps(self.plugin.manifest()).encode()))),
            "/twinleaf.plugin.v2.Plugin/Validate": unary(self.validate),
            "/twinleaf.plugin.v2.Plugin/Cancel": unary(self.cancel),
            "/twinleaf.plugin.v2.Plugin/Process": grpc.unary_stream_rpc_method_handler(
                self.process, request_deserializer=decode, response_serializer=bytes),
            "/grpc.health.v1.Health/Check": unary(lambda _: encode((1, 1))),  # SERVING
            "/plugin.GRPCController/Shutdown": unary(self.shutdown),
        }

        class Handler(grpc.GenericRpcHandler):
            def service(self, details):
                return service.get(details.method)

        return Handler()

    def shutdown(self, _):
        self.stop.set()
        return b""

    def validate(self, m):
        wrong = self.plugin._validate(string(m, 1), m.get(2, b""))
        return b"" if wrong is None else encode((1, encode((1, wrong[0]), (2, wrong[1]))))

    def cancel(self, m):
        self.cancelled = string(m, 1)
        call = self.running.get(self.cancelled)
        if call:
            call._cancelled.set()
        return b""

    def process(self, m, context):
        """Yields progress while the call runs, then its result or error."""
        events = queue.Queue()
        deadline = m.get(10, 0)
        call = Call(string(m, 1), string(m, 3), string(m, 5), string(m, 6), deadline / 1e9 if deadline else None,
                    lambda fraction: events.put(encode((1, encode((1, float(fraction)))))))
        self.running[call.id] = call
        if self.cancelled == call.id:
            call._cancelled.set()
        context.add_callback(call._cancelled.set)

        def work():
            try:
                answer, err = self.plugin._do(call, string(m, 2), m.get(7, b"{}"), m.get(8, b""))
                if err is None:
                    last = encode((2, encode((1, answer))))
                else:
                    last = encode((3, encode((1, err.code), (2, err.detail), (3, err.remedy), (4, 1 if err.temporary else 0))))
                events.put(last)
            finally:
                events.put(None)

        threading.Thread(target=work, daemon=True).start()
        try:
            for event in iter(events.get, None):
                yield event
        finally:
            self.running.pop(call.id, None)


def _leash():
    """Ends the process and its children when standard input ends: the server is gone."""
    while os.read(0, 4096):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(3)


# --- the wire form of protocol buffers ------------------------------------------------
# The few messages of plugin.proto have strings, bytes, whole numbers and one double, so
# no generated code is needed: a message is a dictionary from field number to value.


def encode(*fields):
    """A message of (number, value): str, bytes, int or float. Empty values are left out."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, str):
            value = value.encode("utf-8", "replace")
        if not value and not isinstance(value, bytes):
            continue
        if isinstance(value, bytes):
            out += _varint(number << 3 | 2) + _varint(len(value)) + value
        elif isinstance(value, float):
            out += _varint(number << 3 | 1) + struct.pack("<d", value)
        else:
            out += _varint(number << 3) + _varint(value)
    return bytes(out)


def _varint(n):
    out = bytearray()
    n &= 0xFFFFFFFFFFFFFFFF
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def decode(data):
    """The fields of a message; of several with one number the last."""
    fields, at = {}, 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            fields[number], at = _read_varint(data, at)
            continue
        if kind == 2:
            size, at = _read_varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("wire type %d" % kind)
        if size > len(data) - at:
            raise ValueError("a field is cut off")
        fields[number], at = bytes(data[at : at + size]), at + size
    return fields


def _read_varint(data, at):
    value, shift = 0, 0
    while shift < 70:
        if at >= len(data):
            raise ValueError("a number is cut off")
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise ValueError("a number is too long")


def string(fields, number):
    return fields.get(number, b"").decode("utf-8", "replace")
