import { createServer, type Server } from "node:net";

const listen = (host: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, host, () => resolve(server));
  });

/**
 * TCP ports that were free a moment ago, all different: for servers that must know each other's address before any of them is bound. Somebody else may take
 * one meanwhile; the server that then cannot bind says so.
 */
export async function freeTcpPorts(host: string, count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(host)));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
