"""aiocoap over DTLSSocket (tinydtls) as a server: server.py PORT IDENTITY KEY-HEX.

CoAP is on PORT, CoAP over DTLS on PORT + 1, both on 127.0.0.1. One JSON object a line.
"""

import asyncio
import json
import os
import sys

# Read by aiocoap when it makes its context.
os.environ["AIOCOAP_SERVER_TRANSPORT"] = "tinydtls_server:simplesocketserver"
os.environ["AIOCOAP_DTLSSERVER_ENABLED"] = "1"

import aiocoap
from aiocoap import resource
from aiocoap.credentials import CredentialsMap

LARGE = bytes(32 + i % 90 for i in range(10240))


def say(**event):
    print(json.dumps(event), flush=True)


class Hello(resource.Resource):
    async def render_get(self, request):
        claims = [claim for claim in request.remote.authenticated_claims if claim]
        say(event="request", path="/hello", claims=claims)
        return aiocoap.Message(payload=b"hello from aiocoap")


class Large(resource.Resource):
    async def render_get(self, request):
        return aiocoap.Message(payload=LARGE)


class Sink(resource.Resource):
    async def render_put(self, request):
        say(event="request", path="/sink", length=len(request.payload), whole=request.payload == LARGE)
        return aiocoap.Message(code=aiocoap.CHANGED, payload=str(len(request.payload)).encode())


async def main(port, identity, key):
    site = resource.Site()
    site.add_resource(["hello"], Hello())
    site.add_resource(["large"], Large())
    site.add_resource(["sink"], Sink())
    context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port))
    context.server_credentials.load_from_dict(
        {":client": {"dtls": {"psk": {"hex": key}, "client-identity": {"ascii": identity}}}}
    )
    say(event="ready", port=port + 1)
    await asyncio.get_running_loop().create_future()


asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
