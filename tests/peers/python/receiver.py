"""Receives OTLP logs and Standard Webhooks over HTTP, read by others' code: the protobuf definitions of OpenTelemetry and
the library of Standard Webhooks. Keeps what it took, one JSON object a line.

usage: receiver.py PORT FILE SIGNING_SECRET
"""

import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

PORT, FILE, SECRET = int(sys.argv[1]), sys.argv[2], sys.argv[3]
lock = Lock()


def keep(items):
    with lock, open(FILE, "a", encoding="utf-8") as file:
        for item in items:
            file.write(json.dumps(item) + "\n")


def read_logs(body):
    """OTLP writes trace and span ids in hex where protobuf's JSON writes base64: the one difference between the two."""
    request = json.loads(body)
    for resource in request["resourceLogs"]:
        for scope in resource["scopeLogs"]:
            for record in scope["logRecords"]:
                for name in ("traceId", "spanId"):
                    if name in record:
                        record[name] = base64.b64encode(bytes.fromhex(record[name])).decode()
    return json_format.ParseDict(request, ExportLogsServiceRequest())


def log_records(request):
    for resource in request.resource_logs:
        attributes = {one.key: one.value.string_value for one in resource.resource.attributes}
        for scope in resource.scope_logs:
            for record in scope.log_records:
                yield {
                    "kind": "otlp",
                    "resource": attributes,
                    "scope": scope.scope.name,
                    "time": record.time_unix_nano,
                    "observed": record.observed_time_unix_nano,
                    "severity": record.severity_number,
                    "name": record.event_name,
                    "trace": record.trace_id.hex(),
                    "span": record.span_id.hex(),
                    "flags": record.flags,
                    "attributes": {
                        one.key: one.value.int_value
                        if one.value.WhichOneof("value") == "int_value"
                        else one.value.string_value
                        for one in record.attributes
                    },
                    "event": json.loads(record.body.string_value),
                }


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            if self.path == "/v1/logs":
                self.take_logs(body)
            else:
                self.take_webhook(body)
        except (WebhookVerificationError, json_format.ParseError, KeyError, ValueError) as error:
            self.answer(400, {"message": str(error)})

    def take_logs(self, body):
        records = list(log_records(read_logs(body)))
        taken = [one for one in records if "poison" not in json.dumps(one["event"])]
        if len(taken) < len(records):
            # A real collector may keep the others; this one takes all or nothing, so that order can be told.
            reply = ExportLogsServiceResponse()
            reply.partial_success.rejected_log_records = len(records)
            reply.partial_success.error_message = "poisoned"
            return self.answer(200, json_format.MessageToDict(reply))
        keep(records)
        self.answer(200, {})

    def take_webhook(self, body):
        data = Webhook(SECRET).verify(body, dict(self.headers))
        events = data["data"]["events"]
        if any("poison" in json.dumps(one) for one in events):
            return self.answer(422, {"message": "poisoned"})
        keep({"kind": "webhook", "type": data["type"], "event": one} for one in events)
        self.answer(204, None)

    def answer(self, status, value):
        text = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Receiver).serve_forever()
