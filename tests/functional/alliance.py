"""A real redpointsd and everybody who calls it: the redpoints command line, and a client that knows nothing but the address and a certificate.

Nothing here waits for time to pass: the server's log says when it listens, and processes say when they end.
"""
import csv
import datetime
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

ROOT = pathlib.Path(__file__).parents[2]
SAMPLE = ROOT / "deploy" / "sample"

RULEBOOK = json.loads((ROOT / "tests" / "rulebook.json").read_text(encoding="utf-8"))
OFFERS = [{"code": "RICE", "kind": "item", "price_points": "30", "max_points": "", "merchant": "", "name_zh_cn": "大米"},
          {"code": "ANY", "kind": "item", "price_points": "", "max_points": "", "merchant": "", "name_zh_cn": ""}]


def day(offset=0):
    """Today in Shanghai, or so many days from it, as yyyymmdd."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=8, days=offset)).strftime("%Y%m%d")


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
            self.process.wait(60)
            self._reader.join(60)
            self.process.stderr.close()
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

    def run_cli(self, caller, *arguments, expect=0):
        """What `redpoints` says on stdout."""
        return self._cli(caller, *arguments, expect=expect).stdout.decode()

    def cli(self, caller, *arguments, expect=0):
        """What `redpoints` says, read as JSON where it is; what it says on stderr where it should fail."""
        done = self._cli(caller, *arguments, expect=expect)
        text = done.stdout.decode()
        if text.startswith("{") and text.count("\n{") == 0:
            return json.loads(text)
        return done.stderr.decode() if expect else text

    def _cli(self, caller, *arguments, expect):
        environment = {"REDPOINTS_SERVER": f"127.0.0.1:{self.server.port}", "REDPOINTS_PROGRAM": "minyue", "REDPOINTS_OUTPUT": "json",
                       "REDPOINTS_CA": str(self.certificate("ca.crt")), "REDPOINTS_CERTIFICATE": str(self.certificate(caller + ".crt")),
                       "REDPOINTS_KEY": str(self.certificate(caller + ".key")), "LANG": "zh_CN.UTF-8", "HOME": str(self.root),
                       "PATH": os.environ["PATH"]}
        for name in ("LD_LIBRARY_PATH", "LD_PRELOAD", "SHIFT_S"):
            if name in os.environ:
                environment[name] = os.environ[name]
        return self.run(REDPOINTS, *arguments, expect=expect, env=environment)

    # --- people and shops ------------------------------------------------------------------------------------------------------
    def settle(self, book=None, offers=None):
        """Registers who takes part, and gives them certificates. The staff come from outside: they are no members."""
        book = book or RULEBOOK
        self.cli("administrator", "node", "set", "grid-1", "--kind", "place", "--type", "grid")
        for rate in book["fund_rates"]:
            self.cli("administrator", "fund", "set", rate["fund"], "--budget", "1000000000")
        self.book = self.root / "rulebook.json"
        self.book.write_text(json.dumps(book), encoding="utf-8")
        self.cli("administrator", "rulebook", "adopt", self.book)
        table = self.root / "offers.csv"
        with open(table, "w", encoding="utf-8", newline="") as file:
            rows = offers or OFFERS
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        self.cli("administrator", "offer", "import", table)
        self.members = [self.join() for _ in range(4)]
        for role in ("recorder", "corrector", "helper", "auditor", "settler"):
            self.issue(role, self.cli("administrator", "staff", "create", "--grant", role, "--external")["staff"]["name"])
        self.shops = []
        for _ in range(2):
            self.open_shop()
        self.issue("member", self.members[0]["name"])
        return self

    def join(self, *options, kind="person"):
        """A new member."""
        member = self.cli("administrator", "member", "create", "--kind", kind, "--group", "residents", "--grid", "grid-1", *options)["member"]
        self.numbers.append(member["number"])
        return member

    def open_shop(self, *people):
        """A new shop of these people, with a till."""
        persons = [option for person in people for option in ("--person", person)]
        self.shops.append(self.cli("administrator", "merchant", "create", "--place", "grid-1", *persons)["merchant"]["name"])
        till = f"till-{len(self.shops)}"
        self.issue(till, self.cli("administrator", "terminal", "create", "--merchant", self.shops[-1])["terminal"]["name"])
        return till

    def award(self, member, quantity, activity="PATROL", on=None, *options, expect=0):
        return self.cli("recorder", "award", "--member", member["number"], "--activity", activity, "--quantity", str(quantity), "--day", on or day(),
                        "--group", "residents", *options, expect=expect)

    def points(self, member, part="available"):
        for balance in self.cli("helper", "balance", member["number"])["balances"]:
            if balance["unit"] == "POINT":
                return int(balance.get(part, 0))
        return 0

    def entries(self):
        """The ledger."""
        return [json.loads(line) for line in self.cli("auditor", "--output", "table", "export").splitlines()]

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
