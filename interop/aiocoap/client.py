"""aiocoap over DTLSSocket (tinydtls) as a client: client.py METHOD URI IDENTITY KEY-HEX [BYTES].

One JSON object a line; a request without an answer within 10 s ends with 1.
"""

import asyncio
import json
import sys

import aiocoap


def say(**event):
    print(json.dumps(event), flush=True)


async def main(method, uri, identity, key, length):
    context = await aiocoap.Context.create_client_context()
    authority = uri.split("/")[2]
    context.client_credentials.load_from_dict(
        {f"coaps://{authority}/*": {"dtls": {"psk": {"hex": key}, "client-identity": {"ascii": identity}}}}
    )
    payload = bytes(32 + i % 90 for i in range(length))
    request = aiocoap.Message(code=aiocoap.Code[method], uri=uri, payload=payload)
    answer = await asyncio.wait_for(context.request(request).response, 10)
    say(event="response", code=str(answer.code), length=len(answer.payload), text=answer.payload.decode())
    await context.shutdown()


try:
    asyncio.run(main(*sys.argv[1:5], int(sys.argv[5]) if len(sys.argv) > 5 else 0))
except Exception as error:  # whatever it is, the test wants its name
    say(event="failed", error=f"{type(error).__name__}: {error}")
    sys.exit(1)
