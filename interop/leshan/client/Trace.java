import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.californium.core.coap.EmptyMessage;
import org.eclipse.californium.core.coap.Message;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.Response;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.network.interceptors.MessageInterceptor;
import org.eclipse.leshan.core.util.Hex;

/** What a client sent and received, as bytes; whoever reads it decodes them. `System.nanoTime` is the clock of all processes of the machine. */
final class Trace {
  private final List<Map<String, Object>> events = new ArrayList<>();

  void watch(CoapEndpoint endpoint) {
    // Received messages before they are handled, sent ones when their bytes are there.
    endpoint.addInterceptor(new MessageInterceptor() {
      @Override
      public void receiveRequest(Request request) {
        record("in", endpoint, request);
      }

      @Override
      public void receiveResponse(Response response) {
        record("in", endpoint, response);
      }

      @Override
      public void receiveEmptyMessage(EmptyMessage message) {
        record("in", endpoint, message);
      }
    });
    endpoint.addPostProcessInterceptor(new MessageInterceptor() {
      @Override
      public void sendRequest(Request request) {
        record("out", endpoint, request);
      }

      @Override
      public void sendResponse(Response response) {
        record("out", endpoint, response);
      }

      @Override
      public void sendEmptyMessage(EmptyMessage message) {
        record("out", endpoint, message);
      }
    });
  }

  private void record(String direction, CoapEndpoint endpoint, Message message) {
    InetSocketAddress peer = (direction.equals("in") ? message.getSourceContext() : message.getDestinationContext()).getPeerAddress();
    byte[] bytes = message.getBytes();
    if (bytes == null) return;
    Map<String, Object> event = new LinkedHashMap<>();
    event.put("at", String.valueOf(System.nanoTime()));
    event.put("direction", direction);
    event.put("local", text(endpoint.getAddress()));
    event.put("peer", text(peer));
    event.put("hex", Hex.encodeHexString(bytes));
    synchronized (events) {
      event.put("seq", events.size() + 1);
      events.add(event);
    }
  }

  private static String text(InetSocketAddress address) {
    return address.getAddress().getHostAddress() + ":" + address.getPort();
  }

  Map<String, Object> since(int after, int limit) {
    synchronized (events) {
      int to = Math.min(events.size(), after + limit);
      List<Map<String, Object>> page = after >= to ? List.of() : new ArrayList<>(events.subList(after, to));
      Map<String, Object> answer = new LinkedHashMap<>();
      answer.put("events", page);
      answer.put("next", Math.max(after, to));
      return answer;
    }
  }
}
