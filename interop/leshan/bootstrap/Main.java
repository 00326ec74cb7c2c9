import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.peer.LwM2mPeer;
import org.eclipse.leshan.core.request.BindingMode;
import org.eclipse.leshan.core.request.BootstrapDownlinkRequest;
import org.eclipse.leshan.core.request.BootstrapRequest;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.core.util.Hex;
import org.eclipse.leshan.core.util.datatype.ULong;
import org.eclipse.leshan.server.bootstrap.BootstrapConfig;
import org.eclipse.leshan.server.bootstrap.BootstrapFailureCause;
import org.eclipse.leshan.server.bootstrap.BootstrapSession;
import org.eclipse.leshan.server.bootstrap.BootstrapSessionListener;
import org.eclipse.leshan.server.bootstrap.InMemoryBootstrapConfigStore;
import org.eclipse.leshan.server.bootstrap.InvalidConfigurationException;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServer;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServerBuilder;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.CaliforniumBootstrapServerEndpointsProvider;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.coap.CoapBootstrapServerProtocolProvider;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.coaps.CoapsBootstrapServerProtocolProvider;
import org.eclipse.leshan.server.security.BootstrapSecurityStoreAdapter;
import org.eclipse.leshan.server.security.EditableSecurityStore;
import org.eclipse.leshan.server.security.InMemorySecurityStore;
import org.eclipse.leshan.server.security.NonUniqueSecurityInfoException;
import org.eclipse.leshan.server.security.SecurityInfo;

/**
 * A LwM2M Bootstrap Server on Leshan's library 2.0.0-M15, the newest there is, steered by the calls of its demo. What LwM2M does is Leshan's; the HTTP in
 * front of it is ours.
 *
 * --coap PORT --coaps PORT --http PORT (0 or absent: any free one)
 */
public final class Main {
  private final ObjectMapper json = mapper();
  private final InMemoryBootstrapConfigStore configurations = new InMemoryBootstrapConfigStore();
  private final EditableSecurityStore security = new InMemorySecurityStore();
  private final Rest rest;

  private Main(Map<String, String> options) throws Exception {
    CaliforniumBootstrapServerEndpointsProvider.Builder endpoints =
        new CaliforniumBootstrapServerEndpointsProvider.Builder(new CoapBootstrapServerProtocolProvider(), new CoapsBootstrapServerProtocolProvider());
    endpoints.setConfiguration(endpoints.createDefaultConfiguration());
    endpoints.addEndpoint("coap://127.0.0.1:" + Rest.port(options, "coap"));
    endpoints.addEndpoint("coaps://127.0.0.1:" + Rest.port(options, "coaps"));
    LeshanBootstrapServerBuilder builder = new LeshanBootstrapServerBuilder();
    builder.setConfigStore(configurations);
    builder.setSecurityStore(new BootstrapSecurityStoreAdapter(security));
    builder.setEndpointsProviders(endpoints.build());
    LeshanBootstrapServer server = builder.build();
    rest = new Rest(Rest.port(options, "http"));
    server.addListener(new Sessions());
    rest.events("/api/event");
    rest.on("/api/bootstrap", this::bootstrap);
    rest.on("/api/security/clients", this::credentials);
    server.start();
    Map<String, Object> ready = new LinkedHashMap<>();
    ready.put("coap", server.getEndpoint(Protocol.COAP).getURI().toString());
    ready.put("coaps", server.getEndpoint(Protocol.COAPS).getURI().toString());
    rest.start(ready);
  }

  public static void main(String[] args) throws Exception {
    new Main(Rest.options(args));
  }

  private void bootstrap(Rest.Call call) throws Exception {
    if (call.method.equals("GET") && call.path.size() == 2) {
      // The demo lists the secrets, too. Endpoint names are enough.
      Map<String, Object> known = new LinkedHashMap<>();
      for (String endpoint : configurations.getAll().keySet()) known.put(endpoint, Map.of());
      call.answer(200, known);
      return;
    }
    if (call.path.size() != 3) throw new Rest.Refused(400, "endpoint name should be specified in the URL");
    String endpoint = call.path.get(2);
    if (call.method.equals("POST")) {
      BootstrapConfig configuration = json.readValue(call.text(), BootstrapConfig.class);
      try {
        configurations.add(endpoint, configuration);
      } catch (InvalidConfigurationException bad) {
        throw new Rest.Refused(400, bad.getMessage());
      }
      call.answer(200, "");
    } else if (call.method.equals("DELETE")) {
      if (configurations.remove(endpoint) == null) throw new Rest.Refused(404, "no config");
      call.answer(204, "");
    } else {
      throw new Rest.Refused(405, "");
    }
  }

  private void credentials(Rest.Call call) throws Exception {
    if (call.method.equals("PUT")) {
      JsonNode body = call.json();
      JsonNode tls = body.path("tls");
      if (!tls.path("mode").asText().equals("psk")) throw new Rest.Refused(400, "tls.mode must be psk");
      try {
        security.add(SecurityInfo.newPreSharedKeyInfo(body.path("endpoint").asText(), tls.path("details").path("identity").asText(), Hex.decodeHex(tls.path("details").path("key").asText().toCharArray())));
      } catch (NonUniqueSecurityInfoException taken) {
        throw new Rest.Refused(400, taken.getMessage());
      }
      call.answer(200, "");
    } else if (call.method.equals("DELETE") && call.path.size() == 4) {
      call.answer(security.remove(call.path.get(3), true) == null ? 200 : 204, Map.of("message", "not_found"));
    } else {
      throw new Rest.Refused(405, "");
    }
  }

  /** Bytes are arrays of unsigned integers, and a binding is text such as "U", as the demo has them. */
  private static ObjectMapper mapper() {
    SimpleModule module = new SimpleModule();
    module.addDeserializer(byte[].class, new JsonDeserializer<byte[]>() {
      @Override
      public byte[] deserialize(JsonParser parser, DeserializationContext context) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (JsonNode one : parser.<JsonNode>readValueAsTree()) bytes.write(one.asInt());
        return bytes.toByteArray();
      }
    });
    module.addDeserializer(ULong.class, new JsonDeserializer<ULong>() {
      @Override
      public ULong deserialize(JsonParser parser, DeserializationContext context) throws IOException {
        return ULong.valueOf(parser.getText());
      }
    });
    module.addDeserializer(ContentFormat.class, new JsonDeserializer<ContentFormat>() {
      @Override
      public ContentFormat deserialize(JsonParser parser, DeserializationContext context) throws IOException {
        return ContentFormat.fromCode(parser.getIntValue());
      }
    });
    module.addDeserializer(EnumSet.class, new JsonDeserializer<EnumSet<BindingMode>>() {
      @Override
      public EnumSet<BindingMode> deserialize(JsonParser parser, DeserializationContext context) throws IOException {
        JsonNode value = parser.readValueAsTree();
        return value.isTextual() ? BindingMode.parse(value.asText()) : EnumSet.noneOf(BindingMode.class);
      }
    });
    return new ObjectMapper().registerModule(module).configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, true);
  }

  private final class Sessions implements BootstrapSessionListener {
    private void tell(String name, String endpoint, String message) {
      Map<String, Object> data = new LinkedHashMap<>();
      data.put("name", name);
      data.put("endpoint", endpoint);
      data.put("time", System.currentTimeMillis());
      data.put("message", message);
      rest.publish("BSSESSION", endpoint, data);
    }

    @Override
    public void sessionInitiated(BootstrapRequest request, LwM2mPeer client) {
      tell("new session", request.getEndpointName(), "");
    }

    @Override
    public void unAuthorized(BootstrapRequest request, LwM2mPeer client) {
      tell("unauthorized", request.getEndpointName(), "");
    }

    @Override
    public void authorized(BootstrapSession session) {
      tell("authorized", session.getEndpoint(), "");
    }

    @Override
    public void noConfig(BootstrapSession session) {
      tell("no config", session.getEndpoint(), "");
    }

    @Override
    public void sendRequest(BootstrapSession session, BootstrapDownlinkRequest<? extends LwM2mResponse> request) {
      // Its text would hold what is written, keys included.
      tell("send " + request.getClass().getSimpleName().replaceFirst("Bootstrap(.*)Request", "$1").toLowerCase(), session.getEndpoint(), String.valueOf(request.getPath()));
    }

    @Override
    public void onResponseSuccess(BootstrapSession session, BootstrapDownlinkRequest<? extends LwM2mResponse> request, LwM2mResponse response) {
      tell("receive success response", session.getEndpoint(), response.getCode().toString());
    }

    @Override
    public void onResponseError(BootstrapSession session, BootstrapDownlinkRequest<? extends LwM2mResponse> request, LwM2mResponse response) {
      tell("receive error response", session.getEndpoint(), response.getCode().toString());
    }

    @Override
    public void onRequestFailure(BootstrapSession session, BootstrapDownlinkRequest<? extends LwM2mResponse> request, Throwable cause) {
      tell("request failure", session.getEndpoint(), cause.getClass().getSimpleName());
    }

    @Override
    public void end(BootstrapSession session) {
      tell("finished", session.getEndpoint(), "");
    }

    @Override
    public void failed(BootstrapSession session, BootstrapFailureCause cause) {
      tell("failed", session.getEndpoint(), cause.toString());
    }
  }
}
