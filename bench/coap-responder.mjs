// Answers every CoAP request with a piggybacked 2.01 and a location, as fast as a socket allows: the other end of the client benchmarks.
import { createSocket } from "node:dgram";

const socket = createSocket("udp4");
const location = Buffer.from([0x82, 0x72, 0x64, 0x04, 0x30, 0x30, 0x30, 0x31]);
socket.on("message", (request, from) => {
  const tokenLength = request[0] & 15;
  const reply = Buffer.allocUnsafe(4 + tokenLength + location.length);
  request.copy(reply, 0, 0, 4 + tokenLength);
  reply[0] = 0x60 | tokenLength;
  reply[1] = 0x41;
  location.copy(reply, 4 + tokenLength);
  socket.send(reply, from.port, from.address);
});
socket.bind(0, "127.0.0.1", () => {
  socket.setRecvBufferSize(4_000_000);
  process.send?.(socket.address().port);
});
process.on("disconnect", () => process.exit(0));
