"""A client of the operators' API that shares no line with ours: made by grpcio-tools from the .proto files.

Usage: client.py STUBS HOST:PORT ADMIN_DIRECTORY SERIAL_ABOARD

Prints one JSON object of what it saw; the test that runs it judges.
"""

import json
import pathlib
import sys

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

stubs, server, admin, aboard = sys.argv[1:]
sys.path.insert(0, stubs)

from onboarding.v1 import common_pb2, device_pb2, device_pb2_grpc, event_pb2, event_pb2_grpc  # noqa: E402

PATIENCE_SECONDS = 30


def channel(who):
    """Opens the API over mutual TLS as `who`."""
    directory = pathlib.Path(admin)
    profiles = directory / "profiles"
    credentials = grpc.ssl_channel_credentials(
        root_certificates=(directory / "root.pem").read_bytes(),
        private_key=(profiles / f"{who}-key.pem").read_bytes(),
        certificate_chain=(profiles / f"{who}.pem").read_bytes(),
    )
    return grpc.secure_channel(server, credentials)


def refusal(call, request):
    """Makes a call that is refused, and returns its status and the reason in its ErrorInfo."""
    try:
        call(request, timeout=PATIENCE_SECONDS)
    except grpc.RpcError as error:
        reasons = []
        for detail in rpc_status.from_call(error).details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                reasons.append(info.reason)
        return {"code": error.code().name, "reasons": reasons}
    return {"code": "OK", "reasons": []}


def change(serial, reason):
    """Names a device and says why it is changed."""
    name = device_pb2.DeviceName(serial_number=serial)
    return device_pb2.DeviceChange(device=device_pb2.DeviceReference(name=name), reason=reason)


def pages(devices, size):
    """Lists all devices, page by page."""
    token, found = "", []
    while True:
        page = common_pb2.Page(size=size, token=token)
        answer = devices.ListDevices(device_pb2.ListDevicesRequest(page=page), timeout=PATIENCE_SECONDS)
        found.append([device.serial_number for device in answer.devices])
        token = answer.next_page_token
        if not token:
            return found


def watch(events, after_seq, is_last):
    """Follows what happens after `after_seq` until `is_last` says so, and returns the messages."""
    seen = []
    stream = events.Watch(event_pb2.WatchRequest(after_seq=after_seq), timeout=PATIENCE_SECONDS)
    for message in stream:
        seen.append(message)
        if is_last(message):
            stream.cancel()
            return seen
    return seen


def told(messages):
    """Returns place and kind of each event among the messages."""
    return [[m.event.seq, m.event.kind] for m in messages if m.WhichOneof("item") == "event"]


operator, viewer = channel("operator"), channel("viewer")
devices, events = device_pb2_grpc.DeviceServiceStub(operator), event_pb2_grpc.EventServiceStub(operator)
looking = device_pb2_grpc.DeviceServiceStub(viewer)

reference = device_pb2.DeviceReference(name=device_pb2.DeviceName(serial_number=aboard))
timeline = devices.GetTimeline(device_pb2.GetTimelineRequest(device=reference), timeout=PATIENCE_SECONDS)

caught_up = watch(events, 0, lambda message: message.WhichOneof("item") == "reached_seq")
cursor = caught_up[-1].reached_seq
quarantined = devices.QuarantineDevice(
    device_pb2.QuarantineDeviceRequest(change=change(aboard, "scans the network")), timeout=PATIENCE_SECONDS
)
resumed = watch(events, cursor, lambda message: message.event.kind == "device-quarantined")

print(
    json.dumps(
        {
            "pages": pages(devices, 2),
            "timeline": [event.kind for event in timeline.events],
            "viewer_may_not": refusal(
                looking.RetireDevice, device_pb2.RetireDeviceRequest(change=change(aboard, "a viewer's wish"))
            ),
            "nobody_can": refusal(
                devices.QuarantineDevice, device_pb2.QuarantineDeviceRequest(change=change(aboard, "again"))
            ),
            "state": common_pb2.DeviceState.Name(quarantined.device.state),
            "from_the_first": told(caught_up),
            "cursor": cursor,
            "resumed": told(resumed),
        }
    )
)
