import com.fasterxml.jackson.databind.JsonNode;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.leshan.client.LeshanClient;
import org.eclipse.leshan.client.LeshanClientBuilder;
import org.eclipse.leshan.client.endpoint.ClientEndpointToolbox;
import org.eclipse.leshan.client.engine.DefaultRegistrationEngineFactory;
import org.eclipse.leshan.client.object.Security;
import org.eclipse.leshan.client.object.Server;
import org.eclipse.leshan.client.observer.LwM2mClientObserverAdapter;
import org.eclipse.leshan.client.resource.LwM2mInstanceEnabler;
import org.eclipse.leshan.client.resource.LwM2mObjectEnabler;
import org.eclipse.leshan.client.resource.ObjectsInitializer;
import org.eclipse.leshan.client.resource.SimpleInstanceEnabler;
import org.eclipse.leshan.client.servers.LwM2mServer;
import org.eclipse.leshan.client.servers.ServerInfo;
import org.eclipse.leshan.core.ResponseCode;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.model.ResourceModel;
import org.eclipse.leshan.core.model.StaticModel;
import org.eclipse.leshan.core.node.LwM2mObject;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mResourceInstance;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.request.BootstrapRequest;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.DeregisterRequest;
import org.eclipse.leshan.core.request.ReadRequest;
import org.eclipse.leshan.core.request.RegisterRequest;
import org.eclipse.leshan.core.request.UpdateRequest;
import org.eclipse.leshan.core.request.argument.Arguments;
import org.eclipse.leshan.core.response.ExecuteResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.core.util.Hex;
import org.eclipse.leshan.core.util.datatype.ULong;
import org.eclipse.leshan.transport.californium.client.endpoint.CaliforniumClientEndpointFactory;
import org.eclipse.leshan.transport.californium.client.endpoint.CaliforniumClientEndpointsProvider;
import org.eclipse.leshan.transport.californium.client.endpoint.coap.CoapClientEndpointFactory;
import org.eclipse.leshan.transport.californium.client.endpoint.coap.CoapClientProtocolProvider;
import org.eclipse.leshan.transport.californium.client.endpoint.coaps.CoapsClientEndpointFactory;
import org.eclipse.leshan.transport.californium.client.endpoint.coaps.CoapsClientProtocolProvider;

/** One LwM2M Client: Leshan's, as its library has it. What it cannot be asked for is refused before anything is sent. */
final class Client {
  private static final long ANSWER_WITHIN_S = 60;

  final Trace trace = new Trace();
  private final String endpoint;
  private final LeshanClient client;
  private final SimpleInstanceEnabler temperature = new SimpleInstanceEnabler(0, Map.of(5700, 20.0, 5701, "Cel"));
  private boolean running = false;
  private volatile String phase = "off";
  private volatile String lastFailure;
  private final Map<Long, String> registered = new LinkedHashMap<>();
  private int bootstraps = 0;
  private CompletableFuture<Map<String, Object>> waiting = new CompletableFuture<>();

  Client(JsonNode spec, ScheduledExecutorService shared) throws Exception {
    endpoint = spec.path("endpoint").asText();
    refuseWhatThereIsNot(spec);
    ObjectsInitializer objects = new ObjectsInitializer(new StaticModel(models()));
    List<LwM2mInstanceEnabler> security = new ArrayList<>();
    List<LwM2mInstanceEnabler> servers = new ArrayList<>();
    if (spec.hasNonNull("bootstrap")) security.add(bootstrapAccount(spec.path("bootstrap")));
    for (JsonNode account : spec.path("servers")) {
      int ssid = account.path("shortServerId").asInt();
      security.add(serverAccount(account, ssid));
      servers.add(new Server(ssid, account.path("lifetime").asLong()));
    }
    objects.setInstancesForObject(0, security.toArray(new LwM2mInstanceEnabler[0]));
    if (servers.isEmpty()) objects.setClassForObject(1, Server.class);
    else objects.setInstancesForObject(1, servers.toArray(new LwM2mInstanceEnabler[0]));
    // The library's own simple instances: everything that the model of the object has, readable, writable and executable as it says.
    objects.setInstancesForObject(3, new Executable(0, Map.of(0, "Eclipse Leshan", 1, "client", 2, endpoint, 3, "2.0.0-M18", 6, Map.of(0, 1L), 14, "+00", 15, "Etc/UTC", 16, "U", 17, "simulator")));
    objects.setInstancesForObject(3303, temperature);

    CaliforniumClientEndpointsProvider.Builder endpoints = new CaliforniumClientEndpointsProvider.Builder(new Coap(trace), new Coaps(trace));
    endpoints.setConfiguration(endpoints.createDefaultConfiguration());
    endpoints.setClientAddress(InetAddress.getByName("127.0.0.1"));
    DefaultRegistrationEngineFactory engine = new DefaultRegistrationEngineFactory();
    // By default it asks for SenML CBOR.
    engine.setPreferredContentFormat(ContentFormat.TLV);
    LeshanClientBuilder builder = new LeshanClientBuilder(endpoint);
    builder.setObjects(objects.create(0, 1, 3, 3303));
    builder.setEndpointsProviders(endpoints.build());
    builder.setRegistrationEngineFactory(engine);
    builder.setSharedExecutor(shared);
    client = builder.build();
    client.addObserver(new Observer());
  }

  /** The core objects as LwM2M 1.1 has them, and the one of the sensor, which the library does not bring along. */
  private static List<ObjectModel> models() throws Exception {
    List<ObjectModel> models = new ArrayList<>(ObjectLoader.loadDefault());
    ResourceModel value = new ResourceModel(5700, "Sensor Value", ResourceModel.Operations.R, false, true, ResourceModel.Type.FLOAT, "", "Cel", "");
    ResourceModel unit = new ResourceModel(5701, "Sensor Units", ResourceModel.Operations.R, false, false, ResourceModel.Type.STRING, "", "", "");
    models.add(new ObjectModel(3303, "Temperature", "", "1.0", true, false, value, unit));
    return models;
  }

  private static void refuseWhatThereIsNot(JsonNode spec) throws Main.Unsupported {
    if (spec.path("servers").size() > 1) throw new Main.Unsupported("Leshan's client registers with one LwM2M Server only");
    if (!spec.path("lwm2m").asText("1.1").equals("1.1")) throw new Main.Unsupported("Leshan's client speaks LwM2M 1.1");
    String personality = spec.path("personality").asText("default");
    if (!personality.equals("default") && !personality.equals("leshan-like")) throw new Main.Unsupported("Leshan's client is no " + personality);
    if (spec.path("deviations").size() > 0) throw new Main.Unsupported("Leshan's client cannot be made to deviate");
    if (spec.path("accessControl").size() > 0) throw new Main.Unsupported("Leshan's client has no access control");
    if (spec.path("queueMode").asBoolean()) throw new Main.Unsupported("queue mode is not set up here");
    for (JsonNode account : spec.path("servers")) {
      if (account.path("resources").size() > 0) throw new Main.Unsupported("Leshan's Server object takes no other resources from the factory");
      if (account.hasNonNull("serverInstance")) throw new Main.Unsupported("instances of accounts are Leshan's choice");
    }
  }

  private static Security bootstrapAccount(JsonNode account) throws Exception {
    String uri = account.path("uri").asText();
    return uri.startsWith("coaps:") ? Security.pskBootstrap(uri, bytes(account, "psk", "identity"), bytes(account, "psk", "key")) : Security.noSecBootstrap(uri);
  }

  private static Security serverAccount(JsonNode account, int ssid) throws Exception {
    String uri = account.path("uri").asText();
    if (account.hasNonNull("rpk")) return Security.rpk(uri, ssid, bytes(account, "rpk", "publicKey"), bytes(account, "rpk", "privateKey"), bytes(account, "rpk", "serverPublicKey"));
    if (account.hasNonNull("x509")) {
      ULong usage = ULong.valueOf(account.path("x509").path("usage").asLong(3));
      return Security.x509(uri, ssid, bytes(account, "x509", "certificate"), bytes(account, "x509", "privateKey"), bytes(account, "x509", "serverCertificate"), usage);
    }
    return uri.startsWith("coaps:") ? Security.psk(uri, ssid, bytes(account, "psk", "identity"), bytes(account, "psk", "key")) : Security.noSec(uri, ssid);
  }

  /** Of a credential, in hex; keys and certificates in DER. */
  private static byte[] bytes(JsonNode account, String mode, String field) {
    return Hex.decodeHex(account.path(mode).path(field).asText().toCharArray());
  }

  // Actions

  Object act(JsonNode action) throws Exception {
    switch (action.path("do").asText()) {
      case "start":
        synchronized (this) {
          if (!running) {
            running = true;
            phase = "registering";
            client.start();
          }
        }
        return Map.of("ok", true);
      case "stop":
        stop(action.path("deregister").asBoolean(true));
        return Map.of("ok", true);
      case "bootstrap":
        return answered(() -> client.triggerClientInitiatedBootstrap(false));
      case "update":
        return answered(client::triggerRegistrationUpdate);
      case "deregister": {
        CompletableFuture<Map<String, Object>> next = expect();
        stop(true);
        return await(next);
      }
      case "set-resource":
        if (!action.path("path").asText().equals("/3303/0/5700")) throw new Main.Unsupported("only /3303/0/5700 changes inside this client");
        temperature.write(LwM2mServer.SYSTEM, false, 5700, LwM2mSingleResource.newFloatResource(5700, action.path("value").asDouble()));
        return Map.of("ok", true);
      default:
        throw new Main.Unsupported("Leshan's client cannot " + action.path("do").asText());
    }
  }

  void stop(boolean deregister) {
    synchronized (this) {
      if (!running) return;
      running = false;
    }
    client.stop(deregister);
    phase = "off";
    registered.clear();
  }

  private synchronized CompletableFuture<Map<String, Object>> expect() {
    waiting = new CompletableFuture<>();
    return waiting;
  }

  private synchronized void tell(String code, String failure) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("ok", code != null && code.startsWith("2."));
    if (code != null) result.put("code", code);
    if (failure != null) result.put("failure", failure);
    if (failure != null || (code != null && !code.startsWith("2."))) lastFailure = code == null ? failure : code;
    waiting.complete(result);
  }

  private Map<String, Object> answered(Runnable action) throws Exception {
    if (!running) throw new Main.Unsupported("Leshan's client is stopped: it leaves its server by that only");
    CompletableFuture<Map<String, Object>> next = expect();
    action.run();
    return await(next);
  }

  private static Map<String, Object> await(CompletableFuture<Map<String, Object>> next) throws Exception {
    try {
      return next.get(ANSWER_WITHIN_S, TimeUnit.SECONDS);
    } catch (TimeoutException late) {
      return Map.of("ok", false, "failure", "timeout");
    }
  }

  private static String code(ResponseCode code) {
    return code == null ? null : code.getCode() / 100 + "." + String.format("%02d", code.getCode() % 100);
  }

  private final class Observer extends LwM2mClientObserverAdapter {
    @Override
    public void onBootstrapStarted(LwM2mServer server, BootstrapRequest request) {
      phase = "bootstrapping";
      registered.clear();
    }

    @Override
    public void onBootstrapSuccess(LwM2mServer server, BootstrapRequest request) {
      bootstraps++;
      phase = "registering";
      tell("2.04", null);
    }

    @Override
    public void onBootstrapFailure(LwM2mServer server, BootstrapRequest request, ResponseCode code, String message, Exception cause) {
      tell(code(code), code == null ? "timeout" : null);
    }

    @Override
    public void onBootstrapTimeout(LwM2mServer server, BootstrapRequest request) {
      tell(null, "timeout");
    }

    @Override
    public void onRegistrationSuccess(LwM2mServer server, RegisterRequest request, String location) {
      registered.put(server.getId(), location);
      phase = "registered";
      tell("2.01", null);
    }

    @Override
    public void onRegistrationFailure(LwM2mServer server, RegisterRequest request, ResponseCode code, String message, Exception cause) {
      tell(code(code), code == null ? "timeout" : null);
    }

    @Override
    public void onRegistrationTimeout(LwM2mServer server, RegisterRequest request) {
      tell(null, "timeout");
    }

    @Override
    public void onUpdateSuccess(LwM2mServer server, UpdateRequest request) {
      tell("2.04", null);
    }

    @Override
    public void onUpdateFailure(LwM2mServer server, UpdateRequest request, ResponseCode code, String message, Exception cause) {
      registered.remove(server.getId());
      tell(code(code), code == null ? "timeout" : null);
    }

    @Override
    public void onDeregistrationSuccess(LwM2mServer server, DeregisterRequest request) {
      registered.remove(server.getId());
      tell("2.02", null);
    }

    @Override
    public void onDeregistrationFailure(LwM2mServer server, DeregisterRequest request, ResponseCode code, String message, Exception cause) {
      tell(code(code), code == null ? "timeout" : null);
    }
  }

  /** The library's simple instance takes no Execute. */
  public static final class Executable extends SimpleInstanceEnabler {
    public Executable() {}

    Executable(int id, Map<Integer, Object> values) {
      super(id, values);
    }

    @Override
    public ExecuteResponse execute(LwM2mServer server, int resource, Arguments arguments) {
      return ExecuteResponse.success();
    }
  }

  // What it is like now

  Map<String, Object> snapshot() {
    Map<String, Object> objects = new LinkedHashMap<>();
    for (LwM2mObjectEnabler enabler : client.getObjectTree().getObjectEnablers().values()) objects.put(String.valueOf(enabler.getId()), instances(enabler));
    Map<String, Object> snapshot = new LinkedHashMap<>();
    List<Object> accounts = accounts(objects);
    snapshot.put("endpoint", endpoint);
    snapshot.put("lwm2m", "1.1");
    snapshot.put("personality", "leshan");
    snapshot.put("state", phase.equals("off") ? "off" : phase.equals("bootstrapping") ? "bootstrapping" : "serving");
    snapshot.put("fleetState", phase);
    snapshot.put("asleep", false);
    snapshot.put("silent", false);
    snapshot.put("accounts", accounts);
    snapshot.put("objects", objects);
    snapshot.put("counters", Map.of("bootstrapsFinished", bootstraps));
    snapshot.put("executed", Map.of());
    snapshot.put("observations", List.of());
    return snapshot;
  }

  private static Map<String, Object> instances(LwM2mObjectEnabler enabler) {
    Map<String, Object> instances = new LinkedHashMap<>();
    ReadResponse read = enabler.read(LwM2mServer.SYSTEM, new ReadRequest(enabler.getId()));
    if (!read.isSuccess()) return instances;
    for (LwM2mObjectInstance instance : ((LwM2mObject) read.getContent()).getInstances().values()) {
      Map<String, Object> resources = new LinkedHashMap<>();
      for (LwM2mResource resource : instance.getResources().values()) {
        boolean secret = enabler.getId() == 0 && resource.getId() == 5;
        if (resource.isMultiInstances()) {
          Map<String, Object> values = new LinkedHashMap<>();
          for (LwM2mResourceInstance one : resource.getInstances().values()) values.put(String.valueOf(one.getId()), plain(one.getValue()));
          resources.put(String.valueOf(resource.getId()), values);
        } else {
          resources.put(String.valueOf(resource.getId()), secret ? "(secret)" : plain(resource.getValue()));
        }
      }
      instances.put(String.valueOf(instance.getId()), resources);
    }
    return instances;
  }

  private static Object plain(Object value) {
    if (value instanceof byte[]) return Hex.encodeHexString((byte[]) value);
    return value instanceof Number || value instanceof Boolean ? value : String.valueOf(value);
  }

  @SuppressWarnings("unchecked")
  private List<Object> accounts(Map<String, Object> objects) {
    List<Object> accounts = new ArrayList<>();
    Map<String, Object> servers = (Map<String, Object>) objects.getOrDefault("1", Map.of());
    for (Map.Entry<String, Object> entry : ((Map<String, Object>) objects.getOrDefault("0", Map.of())).entrySet()) {
      Map<String, Object> security = (Map<String, Object>) entry.getValue();
      if (Boolean.TRUE.equals(security.get("1"))) continue;
      long ssid = ((Number) security.getOrDefault("10", 0)).longValue();
      Map<String, Object> account = new LinkedHashMap<>();
      account.put("shortServerId", ssid);
      account.put("uri", security.get("0"));
      account.put("securityInstance", Integer.valueOf(entry.getKey()));
      for (Map.Entry<String, Object> server : servers.entrySet()) {
        Map<String, Object> values = (Map<String, Object>) server.getValue();
        if (((Number) values.getOrDefault("0", -1)).longValue() != ssid) continue;
        account.put("serverInstance", Integer.valueOf(server.getKey()));
        account.put("lifetime", values.get("1"));
      }
      String location = registered.get(ssid);
      account.put("state", location != null ? "registered" : running ? "registering" : "idle");
      if (location != null) account.put("location", location);
      if (lastFailure != null) account.put("lastFailure", lastFailure);
      accounts.add(account);
    }
    return accounts;
  }

  // Endpoints whose messages are seen

  private static final class Coap extends CoapClientProtocolProvider {
    private final Trace trace;

    Coap(Trace trace) {
      this.trace = trace;
    }

    @Override
    public CaliforniumClientEndpointFactory createDefaultEndpointFactory() {
      return new CoapClientEndpointFactory() {
        @Override
        public CoapEndpoint createCoapEndpoint(InetAddress address, Configuration configuration, ServerInfo server, boolean clientInitiatedOnly, List<java.security.cert.Certificate> trust, ClientEndpointToolbox toolbox) {
          CoapEndpoint made = super.createCoapEndpoint(address, configuration, server, clientInitiatedOnly, trust, toolbox);
          trace.watch(made);
          return made;
        }
      };
    }
  }

  private static final class Coaps extends CoapsClientProtocolProvider {
    private final Trace trace;

    Coaps(Trace trace) {
      this.trace = trace;
    }

    @Override
    public CaliforniumClientEndpointFactory createDefaultEndpointFactory() {
      return new CoapsClientEndpointFactory() {
        @Override
        public CoapEndpoint createCoapEndpoint(InetAddress address, Configuration configuration, ServerInfo server, boolean clientInitiatedOnly, List<java.security.cert.Certificate> trust, ClientEndpointToolbox toolbox) {
          CoapEndpoint made = super.createCoapEndpoint(address, configuration, server, clientInitiatedOnly, trust, toolbox);
          trace.watch(made);
          return made;
        }
      };
    }
  }
}
