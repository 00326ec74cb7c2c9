import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;

/** The little of HTTP that the mains share: JSON in and out, and an event stream. On 127.0.0.1 only. */
final class Rest {
  static final ObjectMapper JSON = new ObjectMapper();

  interface Handler {
    void handle(Call call) throws Exception;
  }

  /** What is answered in place of a result, as text. */
  static final class Refused extends Exception {
    final int status;

    Refused(int status, String message) {
      super(message);
      this.status = status;
    }
  }

  static final class Call {
    final HttpExchange exchange;
    final String method;
    final List<String> path = new ArrayList<>();
    final Map<String, String> query = new LinkedHashMap<>();

    Call(HttpExchange exchange) {
      this.exchange = exchange;
      this.method = exchange.getRequestMethod();
      for (String segment : exchange.getRequestURI().getRawPath().split("/")) if (!segment.isEmpty()) path.add(decode(segment));
      String raw = exchange.getRequestURI().getRawQuery();
      if (raw == null) return;
      for (String pair : raw.split("&")) {
        int at = pair.indexOf('=');
        query.put(decode(at < 0 ? pair : pair.substring(0, at)), at < 0 ? "" : decode(pair.substring(at + 1)));
      }
    }

    private static String decode(String text) {
      return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    String text() throws IOException {
      return new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    }

    boolean isText() {
      String type = exchange.getRequestHeaders().getFirst("content-type");
      return type != null && type.startsWith("text/plain");
    }

    JsonNode json() throws Exception {
      String body = text();
      try {
        return body.isEmpty() ? JSON.createObjectNode() : JSON.readTree(body);
      } catch (IOException e) {
        throw new Refused(400, "not JSON");
      }
    }

    void answer(int status, Object body) throws IOException {
      byte[] bytes = body instanceof String ? ((String) body).getBytes(StandardCharsets.UTF_8) : JSON.writeValueAsBytes(body);
      exchange.getResponseHeaders().set("content-type", body instanceof String ? "text/plain; charset=utf-8" : "application/json; charset=utf-8");
      exchange.sendResponseHeaders(status, bytes.length == 0 || status == 204 ? -1 : bytes.length);
      if (bytes.length > 0 && status != 204) exchange.getResponseBody().write(bytes);
      exchange.close();
    }
  }

  private static final class Listener {
    final String endpoint;
    final OutputStream out;

    Listener(String endpoint, OutputStream out) {
      this.endpoint = endpoint;
      this.out = out;
    }
  }

  private final HttpServer http;
  private final CopyOnWriteArrayList<Listener> listeners = new CopyOnWriteArrayList<>();

  Rest(int port) throws IOException {
    // Header and body leave in a packet each: the second would wait for the acknowledgement of the first, 40 ms.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    http = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), port), 100);
    http.setExecutor(Executors.newCachedThreadPool(task -> {
      Thread thread = new Thread(task, "http");
      thread.setDaemon(true);
      return thread;
    }));
  }

  int port() {
    return http.getAddress().getPort();
  }

  void on(String path, Handler handler) {
    http.createContext(path, exchange -> {
      Call call = new Call(exchange);
      try {
        handler.handle(call);
      } catch (Refused refused) {
        call.answer(refused.status, refused.getMessage());
      } catch (Exception error) {
        call.answer(500, String.valueOf(error));
      }
    });
  }

  /** Server-sent events, as Leshan's demos have them: only for who asks for that media type. */
  void events(String path) {
    on(path, call -> {
      String accept = call.exchange.getRequestHeaders().getFirst("accept");
      if (accept == null || !accept.contains("text/event-stream")) throw new Refused(405, "");
      call.exchange.getResponseHeaders().set("content-type", "text/event-stream; charset=utf-8");
      call.exchange.sendResponseHeaders(200, 0);
      OutputStream out = call.exchange.getResponseBody();
      out.write(":\n\n".getBytes(StandardCharsets.UTF_8));
      out.flush();
      listeners.add(new Listener(call.query.get("ep"), out));
    });
  }

  void publish(String event, String endpoint, Object data) {
    byte[] bytes;
    try {
      bytes = ("event: " + event + "\ndata: " + JSON.writeValueAsString(data) + "\n\n").getBytes(StandardCharsets.UTF_8);
    } catch (IOException impossible) {
      throw new IllegalStateException(impossible);
    }
    for (Listener listener : listeners) {
      if (listener.endpoint != null && !listener.endpoint.equals(endpoint)) continue;
      synchronized (listener) {
        try {
          listener.out.write(bytes);
          listener.out.flush();
        } catch (IOException gone) {
          listeners.remove(listener);
        }
      }
    }
  }

  /** Says on standard output where it is reached, one line of JSON: whoever started it waits for that. */
  void start(Map<String, Object> ready) throws IOException {
    http.start();
    Map<String, Object> line = new LinkedHashMap<>(ready);
    line.put("ready", true);
    line.put("http", "http://127.0.0.1:" + port());
    System.out.println(JSON.writeValueAsString(line));
  }

  /** `--name value` pairs. */
  static Map<String, String> options(String[] args) {
    Map<String, String> options = new LinkedHashMap<>();
    for (int i = 0; i + 1 < args.length; i += 2) options.put(args[i].replaceFirst("^--", ""), args[i + 1]);
    return options;
  }

  static int port(Map<String, String> options, String name) {
    return Integer.parseInt(options.getOrDefault(name, "0"));
  }
}
