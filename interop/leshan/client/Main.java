import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

/**
 * Hosts LwM2M Clients on Leshan's library for whoever writes requests to standard input, one JSON object a line, and reads the replies: the protocol of the
 * devices on node-coap. A client starts with the accounts that it is given, talks to 127.0.0.1 only, and ends with the input.
 */
public final class Main {
  static final ObjectMapper JSON = new ObjectMapper();

  /** Said of what Leshan's library has no call for. */
  static final class Unsupported extends Exception {
    Unsupported(String what) {
      super("unsupported: " + what);
    }
  }

  private static final Map<String, Client> clients = new ConcurrentHashMap<>();
  private static final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  public static void main(String[] args) throws Exception {
    ScheduledExecutorService shared = Executors.newScheduledThreadPool(4);
    // One device's requests are answered in order; one that waits keeps no other waiting.
    ExecutorService workers = Executors.newCachedThreadPool();
    say(Map.of("ready", true, "stack", "Leshan 2.0.0-M18"));
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      if (line.isBlank()) continue;
      JsonNode request = JSON.readTree(line);
      workers.submit(() -> {
        Map<String, Object> reply = new LinkedHashMap<>();
        reply.put("id", request.path("id").asInt());
        try {
          reply.put("result", carryOut(request, shared));
        } catch (Unsupported refused) {
          reply.put("refused", refused.getMessage());
        } catch (Exception error) {
          reply.put("refused", "failed: " + error);
        }
        say(reply);
      });
    }
    for (Client client : clients.values()) client.stop(false);
    System.exit(0);
  }

  private static synchronized void say(Object line) {
    try {
      out.println(JSON.writeValueAsString(line));
    } catch (Exception impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private static Object carryOut(JsonNode request, ScheduledExecutorService shared) throws Exception {
    String endpoint = request.path("endpoint").asText();
    switch (request.path("type").asText()) {
      case "create": {
        JsonNode spec = request.path("spec");
        clients.put(spec.path("endpoint").asText(), new Client(spec, shared));
        return null;
      }
      case "act":
        return known(endpoint).act(request.path("action"));
      case "inspect":
        return known(endpoint).snapshot();
      case "trace":
        return known(endpoint).trace.since(request.path("after").asInt(), request.path("limit").asInt(1000));
      case "remove": {
        Client client = clients.remove(endpoint);
        if (client != null) client.stop(request.path("deregister").asBoolean());
        return client != null;
      }
      default:
        throw new Unsupported("request " + request.path("type").asText());
    }
  }

  private static Client known(String endpoint) throws Exception {
    Client client = clients.get(endpoint);
    if (client == null) throw new IllegalArgumentException("there is no device " + endpoint);
    return client;
  }
}
