"""A real redpointsd and everybody who calls it: the redpoints command line, and a client that knows nothing but the address and a certificate.

Nothing here waits for time to pass: the server's log says when it listens, and processes say when they end.
"""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import uuid

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

BIN = pathlib.Path(os.environ["REDPOINTS_BIN"])  # the build's directory
REDPOINTSD = BIN / "server" / "redpointsd"
REDPOINTS = BIN / "client" / "redpoints"

RULEBOOK = {
    "version": "2024-1",
    "effective_day": 20240101,
    "units": [{"code": "POINT", "kind": "SPENDABLE"}, {"code": "MINUTE", "kind": "TIME"}],
    "fund_rates": [{"fund": "street", "fen_numerator": 100, "points_denominator": 1, "rounding": "DOWN"}],
    "activities": [{"code": "PATROL", "fund": "street", "min_quantity": 1, "lot_validity": {"months": 12},
                    "earnings": [{"unit": "POINT", "numerator": 10, "denominator": 1, "rounding": "DOWN"},
                                 {"unit": "MINUTE", "numerator": 60, "denominator": 1, "rounding": "DOWN"}]}],
    "offers": [{"code": "RICE", "kind": "ITEM", "price_points": 30}, {"code": "ANY", "kind": "ITEM"}],
    "policies": {"debts_allowed": True, "late_days": 60},
}


class Server:
    """One process of redpointsd. Its log is kept."""

    def __init__(self, config, log, descriptors=None):
        self.log = log
        limit = ["prlimit", f"--nofile={descriptors}"] if descriptors else []
        self.process = subprocess.Popen([*limit, REDPOINTSD, "--config", config], stderr=subprocess.PIPE, text=True, encoding="utf-8")
        self.port = None
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._listening.wait(60)
        if self.port is None:
            raise RuntimeError("redpointsd does not listen: " + "".join(self.log[-5:]))

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line)
            if '"event":"listening"' in line:
                self.port = json.loads(line)["port"]
                self._listening.set()
        self._listening.set()

    def stop(self, signal="terminate"):
        """The exit status."""
        getattr(self.process, signal)()
        status = self.process.wait(60)
        self._reader.join(60)
        self.process.stderr.close()
        return status


class Alliance:
    """A directory made by `redpointsd init`, with people, shops and a rulebook in it."""

    def __init__(self):
        self._temporary = tempfile.TemporaryDirectory(prefix="redpoints-functional-")
        self.root = pathlib.Path(self._temporary.name)
        self.directory = self.root / "server"
        self.config = self.directory / "redpointsd.textproto"
        self.log = []
        self.numbers = []  # of members: must not be in the log
        self.server = None
        self.run(REDPOINTSD, "init", "--directory", self.directory, "--program", "minyue", "--listen", "127.0.0.1:0")
        with open(self.config, "a", encoding="utf-8") as file:
            file.write("log { level: DEBUG }\nlimits { calls_per_second_max: 100000 calls_burst_max: 100000 }\n")

    def close(self):
        if self.server:
            self.server.stop("kill")
        self._temporary.cleanup()

    # --- processes -------------------------------------------------------------------------------------------------------------
    @staticmethod
    def run(*arguments, expect=0, **more):
        done = subprocess.run([str(a) for a in arguments], capture_output=True, timeout=120, **more)
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout.decode()}\n{done.stderr.decode()}")
        return done

    def start(self, descriptors=None):
        """With a limit of open files, if any."""
        self.server = Server(self.config, self.log, descriptors)

    def stop(self, signal="terminate"):
        server, self.server = self.server, None
        return server.stop(signal)

    def issue(self, caller, name):
        self.run(REDPOINTSD, "issue", "--directory", self.directory, "--name", name, "--file", caller)

    def certificate(self, name):
        return self.directory / "certificates" / name

    def cli(self, caller, *arguments, expect=0):
        """What `redpoints` says, read as JSON where it is."""
        environment = {"REDPOINTS_SERVER": f"127.0.0.1:{self.server.port}", "REDPOINTS_PROGRAM": "minyue", "REDPOINTS_OUTPUT": "json",
                       "REDPOINTS_CA": str(self.certificate("ca.crt")), "REDPOINTS_CERTIFICATE": str(self.certificate(caller + ".crt")),
                       "REDPOINTS_KEY": str(self.certificate(caller + ".key")), "LANG": "zh_CN.UTF-8", "HOME": str(self.root),
                       "PATH": os.environ["PATH"]}
        if "LD_LIBRARY_PATH" in os.environ:
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        done = self.run(REDPOINTS, *arguments, expect=expect, env=environment)
        text = done.stdout.decode()
        if text.startswith("{") and text.count("\n{") == 0:
            return json.loads(text)
        return done.stderr.decode() if expect else text

    # --- people and shops ------------------------------------------------------------------------------------------------------
    def settle(self):
        """Registers who takes part, and gives them certificates."""
        self.cli("administrator", "node", "set", "grid-1", "--kind", "place", "--type", "grid")
        self.cli("administrator", "fund", "set", "street", "--budget", "1000000000")
        book = self.root / "rulebook.json"
        book.write_text(json.dumps(RULEBOOK), encoding="utf-8")
        self.cli("administrator", "rulebook", "adopt", book)
        self.members = [self.cli("administrator", "member", "create", "--kind", "person", "--group", "residents", "--grid", "grid-1")["member"]
                        for _ in range(4)]
        self.numbers += [member["number"] for member in self.members]
        for role in ("recorder", "corrector", "helper", "auditor", "settler"):
            self.issue(role, self.cli("administrator", "staff", "create", "--grant", role)["staff"]["name"])
        self.shops = [self.cli("administrator", "merchant", "create", "--place", "grid-1")["merchant"]["name"] for _ in range(2)]
        for i, shop in enumerate(self.shops):
            self.issue(f"till-{i + 1}", self.cli("administrator", "terminal", "create", "--merchant", shop)["terminal"]["name"])
        self.issue("member", self.members[0]["name"])
        return self

    def award(self, member, quantity):
        import datetime
        day = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=8)).strftime("%Y%m%d")
        return self.cli("recorder", "award", "--member", member["number"], "--activity", "PATROL", "--quantity", str(quantity), "--day", day,
                        "--group", "residents")

    def points(self, member):
        for balance in self.cli("helper", "balance", member["number"])["balances"]:
            if balance["unit"] == "POINT":
                return int(balance.get("available", 0))
        return 0

    def secrets_in_log(self):
        """会员号 that the log shows, which it must never."""
        text = "".join(self.log)
        return [number for number in self.numbers if number in text]

    # --- a client of the wire --------------------------------------------------------------------------------------------------
    def channel(self, caller, directory=None):
        directory = directory or self.certificate("")
        read = lambda name: (pathlib.Path(directory) / name).read_bytes()
        credentials = grpc.ssl_channel_credentials(self.certificate("ca.crt").read_bytes(), read(caller + ".key"), read(caller + ".crt"))
        return grpc.secure_channel(f"127.0.0.1:{self.server.port}", credentials,
                                   [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)])


def reflection_messages():
    """The messages of grpc.reflection.v1alpha, as far as they are needed, from a description by hand."""
    file = descriptor_pb2.FileDescriptorProto(name="reflection-by-hand.proto", package="grpc.reflection.v1alpha", syntax="proto3")
    string, data, message = (descriptor_pb2.FieldDescriptorProto.TYPE_STRING, descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
                             descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE)
    one, many = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL, descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    for name, fields in {
            "ServerReflectionRequest": [("file_containing_symbol", 4, string, one, ""), ("list_services", 7, string, one, "")],
            "FileDescriptorResponse": [("file_descriptor_proto", 1, data, many, "")],
            "ServiceResponse": [("name", 1, string, one, "")],
            "ListServiceResponse": [("service", 1, message, many, "ServiceResponse")],
            "ServerReflectionResponse": [("file_descriptor_response", 4, message, one, "FileDescriptorResponse"),
                                         ("list_services_response", 6, message, one, "ListServiceResponse")],
    }.items():
        described = file.message_type.add(name=name)
        for field, number, kind, label, type_name in fields:
            described.field.add(name=field, number=number, type=kind, label=label,
                                type_name=".grpc.reflection.v1alpha." + type_name if type_name else None)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    classes = message_factory.MessageFactory(pool)
    get = lambda name: classes.GetPrototype(pool.FindMessageTypeByName("grpc.reflection.v1alpha." + name))
    return get("ServerReflectionRequest"), get("ServerReflectionResponse")


class Stranger:
    """A client that knows nothing of ours: it asks the server what it can do."""

    REQUEST, RESPONSE = reflection_messages()

    def __init__(self, channel):
        self.channel = channel
        self.pool = descriptor_pool.DescriptorPool()
        self._ask = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                          request_serializer=self.REQUEST.SerializeToString, response_deserializer=self.RESPONSE.FromString)
        listed = self._reflect(list_services="*").list_services_response.service
        self.services = sorted(service.name for service in listed)
        files = {}
        for service in self.services:
            if service.startswith("redpoints."):
                for data in self._reflect(file_containing_symbol=service).file_descriptor_response.file_descriptor_proto:
                    file = descriptor_pb2.FileDescriptorProto.FromString(data)
                    files[file.name] = file
        self.files = files
        for name in list(files):
            self._add(name)
        self.classes = message_factory.MessageFactory(self.pool)
        self.methods = {method.name: method for service in self.services if service.startswith("redpoints.")
                        for method in self.pool.FindServiceByName(service).methods}

    def _reflect(self, **question):
        return next(self._ask(iter([self.REQUEST(**question)]), timeout=20))

    def _add(self, name):
        try:
            self.pool.FindFileByName(name)
        except KeyError:
            for dependency in self.files[name].dependency:
                if dependency not in self.files:  # the reflection answers with all that a file needs
                    raise AssertionError(f"{dependency} is missing")
                self._add(dependency)
            self.pool.Add(self.files[name])

    def call(self, method_name, **fields):
        method = self.methods[method_name]
        request = self.classes.GetPrototype(method.input_type)(**fields)
        path = f"/{method.containing_service.full_name}/{method.name}"
        parse = self.classes.GetPrototype(method.output_type).FromString
        descriptor = descriptor_pb2.MethodDescriptorProto()
        method.CopyToProto(descriptor)
        if descriptor.server_streaming:
            return self.channel.unary_stream(path, request_serializer=type(request).SerializeToString, response_deserializer=parse)(request, timeout=20)
        return self.channel.unary_unary(path, request_serializer=type(request).SerializeToString, response_deserializer=parse)(request, timeout=20)

    def on(self, channel):
        """The same knowledge on another channel."""
        other = object.__new__(Stranger)
        other.__dict__ = dict(self.__dict__, channel=channel)
        return other


def reason_of(error):
    """The reason in a grpc.RpcError's details: google.rpc.Status → Any → ErrorInfo.reason, read from the wire without any message of ours."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            found = re.search(rb"type\.googleapis\.com/google\.rpc\.ErrorInfo\x12.\x0a(.)", value, re.DOTALL)
            start = found.end()
            return value[start:start + found.group(1)[0]].decode()
    return ""


def new_id():
    return str(uuid.uuid4())
