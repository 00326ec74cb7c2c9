import com.fasterxml.jackson.databind.JsonNode;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.link.lwm2m.attributes.DefaultLwM2mAttributeParser;
import org.eclipse.leshan.core.link.lwm2m.attributes.LwM2mAttributeSet;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.observation.CompositeObservation;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.peer.IpPeer;
import org.eclipse.leshan.core.request.*;
import org.eclipse.leshan.core.request.exception.ClientSleepingException;
import org.eclipse.leshan.core.request.exception.InvalidRequestException;
import org.eclipse.leshan.core.response.*;
import org.eclipse.leshan.core.security.util.SecurityUtil;
import org.eclipse.leshan.core.util.Hex;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.LeshanServerBuilder;
import org.eclipse.leshan.server.observation.ObservationListener;
import org.eclipse.leshan.server.queue.StaticClientAwakeTimeProvider;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationListener;
import org.eclipse.leshan.server.registration.RegistrationUpdate;
import org.eclipse.leshan.servers.security.EditableSecurityStore;
import org.eclipse.leshan.servers.security.InMemorySecurityStore;
import org.eclipse.leshan.servers.security.NonUniqueSecurityInfoException;
import org.eclipse.leshan.servers.security.SecurityInfo;
import org.eclipse.leshan.transport.californium.server.endpoint.CaliforniumServerEndpointsProvider;
import org.eclipse.leshan.transport.californium.server.endpoint.coap.CoapServerProtocolProvider;
import org.eclipse.leshan.transport.californium.server.endpoint.coaps.CoapsServerProtocolProvider;

/**
 * A LwM2M Server on Leshan's library, steered by the calls of its demo from 2.0.0-M15 on. What LwM2M does is Leshan's; the HTTP in front of it is ours, an
 * imitation of a demo that cannot be had.
 *
 * --coap PORT --coaps PORT --http PORT (0 or absent: any free one) --awake MS (how long a device in queue mode listens after it was heard; absent: as the library has it, 93 s)
 * --privateKey FILE --certificate FILE --authority FILE (DER; for devices with raw public keys and certificates)
 */
public final class Main {
  private static final long DEFAULT_TIMEOUT_S = 5;

  private final EditableSecurityStore security = new InMemorySecurityStore();
  private final LeshanServer server;
  private final Rest rest;

  private Main(Map<String, String> options) throws Exception {
    CaliforniumServerEndpointsProvider.Builder endpoints =
        new CaliforniumServerEndpointsProvider.Builder(new CoapServerProtocolProvider(), new CoapsServerProtocolProvider());
    Configuration configuration = endpoints.createDefaultConfiguration();
    endpoints.setConfiguration(configuration);
    endpoints.addEndpoint("coap://127.0.0.1:" + Rest.port(options, "coap"));
    endpoints.addEndpoint("coaps://127.0.0.1:" + Rest.port(options, "coaps"));
    LeshanServerBuilder builder = new LeshanServerBuilder();
    builder.setSecurityStore(security);
    builder.setEndpointsProviders(endpoints.build());
    if (options.containsKey("privateKey")) {
      builder.setPrivateKey(SecurityUtil.privateKey.readFromFile(options.get("privateKey")));
      builder.setCertificateChain(SecurityUtil.certificateChain.readFromFile(options.get("certificate")));
      builder.setTrustedCertificates(new X509Certificate[] {SecurityUtil.certificate.readFromFile(options.get("authority"))});
    }
    if (options.containsKey("awake")) builder.setClientAwakeTimeProvider(new StaticClientAwakeTimeProvider(Integer.parseInt(options.get("awake"))));
    server = builder.build();
    rest = new Rest(Rest.port(options, "http"));
    server.getRegistrationService().addListener(new Registrations());
    server.getObservationService().addListener(new Notifications());
    rest.events("/api/event");
    rest.on("/api/clients", this::clients);
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

  // Registrations and operations

  private void clients(Rest.Call call) throws Exception {
    List<String> path = call.path.subList(2, call.path.size());
    if (path.isEmpty()) {
      List<Object> all = new ArrayList<>();
      for (Iterator<Registration> it = server.getRegistrationService().getAllRegistrations(); it.hasNext();) all.add(view(it.next()));
      call.answer(200, all);
      return;
    }
    Registration registration = server.getRegistrationService().getByEndpoint(path.get(0));
    if (registration == null) throw new Rest.Refused(call.method.equals("GET") && path.size() == 1 ? 404 : 400, "no registered client with id '" + path.get(0) + "'");
    if (path.size() == 1) {
      if (!call.method.equals("GET")) throw new Rest.Refused(405, "");
      call.answer(200, view(registration));
      return;
    }
    String suffix = path.get(path.size() - 1);
    boolean verb = suffix.matches("discover|observe|attributes");
    String target = "/" + String.join("/", path.subList(1, verb ? path.size() - 1 : path.size()));
    long timeout = TimeUnit.SECONDS.toMillis(Long.parseLong(call.query.getOrDefault("timeout", String.valueOf(DEFAULT_TIMEOUT_S))));
    try {
      if (call.method.equals("DELETE") && suffix.equals("observe") && !call.query.containsKey("active")) {
        server.getObservationService().cancelObservations(registration, target);
        call.answer(204, "");
        return;
      }
      LwM2mResponse response = send(call, registration, target, verb ? suffix : "", timeout);
      if (response == null) throw new Rest.Refused(504, "Request timeout");
      call.answer(200, view(response));
    } catch (ClientSleepingException asleep) {
      // M18's demo keeps the last request of a client and sends it when it wakes; ours refuses, as those before it did.
      throw new Rest.Refused(400, "client is sleeping");
    } catch (InvalidRequestException | IllegalArgumentException bad) {
      throw new Rest.Refused(400, String.valueOf(bad.getMessage()));
    }
  }

  private LwM2mResponse send(Rest.Call call, Registration to, String target, String verb, long timeout) throws Exception {
    ContentFormat format = call.query.containsKey("format") ? ContentFormat.fromName(call.query.get("format").toUpperCase()) : null;
    if (call.query.containsKey("format") && format == null) throw new Rest.Refused(400, "unknown format " + call.query.get("format"));
    switch (call.method + " " + verb) {
      case "GET ":
        return server.send(to, new ReadRequest(format, target), timeout);
      case "GET discover":
        return server.send(to, new DiscoverRequest(target), timeout);
      case "PUT attributes": {
        String query = call.exchange.getRequestURI().getRawQuery().replaceAll("(^|&)timeout=[^&]*", "").replaceAll("^&", "");
        return server.send(to, new WriteAttributesRequest(target, new LwM2mAttributeSet(new DefaultLwM2mAttributeParser().parseUriQuery(query))), timeout);
      }
      case "PUT ": {
        boolean replace = !"false".equals(call.query.get("replace"));
        WriteRequest.Mode mode = replace ? WriteRequest.Mode.REPLACE : WriteRequest.Mode.UPDATE;
        LwM2mNode node = Nodes.parse(target, call.isText() ? null : call.json(), call.isText() ? call.text() : null, server.getModelProvider().getObjectModel(to));
        return server.send(to, new WriteRequest(mode, format, target, node), timeout);
      }
      case "POST ":
        if (target.split("/").length == 4) {
          String argument = call.text();
          return server.send(to, argument.isEmpty() ? new ExecuteRequest(target) : new ExecuteRequest(target, argument), timeout);
        }
        if (target.split("/").length == 2) {
          JsonNode body = call.json();
          LwM2mNode node = Nodes.parse(target + "/" + body.path("id").asInt(0), body, null, server.getModelProvider().getObjectModel(to));
          LwM2mObjectInstance instance = (LwM2mObjectInstance) node;
          return server.send(to, body.has("id") ? new CreateRequest(format, target, instance) : new CreateRequest(format, target, instance.getResources().values()), timeout);
        }
        throw new Rest.Refused(400, "nothing to POST to " + target);
      case "POST observe":
        return server.send(to, new ObserveRequest(format, target), timeout);
      case "DELETE observe":
        for (Observation observation : server.getObservationService().getObservations(to)) {
          if (observation instanceof SingleObservation && ((SingleObservation) observation).getPath().toString().equals(target)) {
            return server.send(to, new CancelObservationRequest((SingleObservation) observation), timeout);
          }
        }
        throw new Rest.Refused(404, "no observation of " + target);
      case "DELETE ":
        return server.send(to, new DeleteRequest(target), timeout);
      default:
        throw new Rest.Refused(405, "");
    }
  }

  private static Map<String, Object> view(Registration registration) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("endpoint", registration.getEndpoint());
    view.put("registrationId", registration.getId());
    view.put("registrationDate", registration.getRegistrationDate().toInstant().toString());
    view.put("lastUpdate", registration.getLastUpdate().toInstant().toString());
    view.put("address", registration.getAddress().getHostAddress() + ":" + registration.getPort());
    view.put("lwM2mVersion", registration.getLwM2mVersion().toString());
    view.put("lifetime", registration.getLifeTimeInSec());
    view.put("bindingMode", String.join("", registration.getBindingMode().stream().map(Enum::name).toArray(String[]::new)));
    view.put("rootPath", registration.getRootPath());
    view.put("queuemode", registration.usesQueueMode());
    view.put("secure", registration.getClientTransportData() instanceof IpPeer && ((IpPeer) registration.getClientTransportData()).isSecure());
    List<Object> links = new ArrayList<>();
    for (org.eclipse.leshan.core.link.Link link : registration.getSortedObjectLinks()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("url", link.getUriReference());
      one.put("attributes", attributesOf(link));
      links.add(one);
    }
    view.put("objectLinks", links);
    return view;
  }

  private static Map<String, Object> attributesOf(org.eclipse.leshan.core.link.Link link) {
    Map<String, Object> attributes = new LinkedHashMap<>();
    for (org.eclipse.leshan.core.link.attributes.Attribute attribute : link.getAttributes()) {
      attributes.put(attribute.getName(), attribute.hasValue() ? String.valueOf(attribute.getValue()) : null);
    }
    return attributes;
  }

  private static Map<String, Object> view(LwM2mResponse response) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("status", response.getCode().toString());
    view.put("valid", response.isValid());
    view.put("success", response.isSuccess());
    view.put("failure", response.isFailure());
    if (response.getErrorMessage() != null && !response.getErrorMessage().isEmpty()) view.put("errormessage", response.getErrorMessage());
    if (response instanceof ReadResponse && ((ReadResponse) response).getContent() != null) view.put("content", Nodes.view(((ReadResponse) response).getContent()));
    if (response instanceof CreateResponse && ((CreateResponse) response).getLocation() != null) view.put("location", ((CreateResponse) response).getLocation());
    if (response instanceof DiscoverResponse && ((DiscoverResponse) response).getObjectLinks() != null) {
      List<Object> links = new ArrayList<>();
      for (org.eclipse.leshan.core.link.Link link : ((DiscoverResponse) response).getObjectLinks()) {
        Map<String, Object> one = new LinkedHashMap<>();
        one.put("url", link.getUriReference());
        one.put("attributes", attributesOf(link));
        links.add(one);
      }
      view.put("objectLinks", links);
    }
    return view;
  }

  // Credentials

  private void credentials(Rest.Call call) throws Exception {
    if (call.method.equals("GET")) {
      // The demo prints keys in clear hex here. Nobody needs that from ours.
      List<Object> all = new ArrayList<>();
      for (SecurityInfo info : security.getAll()) all.add(Map.of("endpoint", info.getEndpoint()));
      call.answer(200, all);
    } else if (call.method.equals("PUT")) {
      JsonNode body = call.json();
      String endpoint = body.path("endpoint").asText("");
      if (endpoint.isEmpty()) throw new Rest.Refused(400, "no endpoint");
      SecurityInfo info;
      if (body.path("tls").path("mode").asText().equals("psk")) {
        JsonNode details = body.path("tls").path("details");
        info = SecurityInfo.newPreSharedKeyInfo(endpoint, details.path("identity").asText(), Hex.decodeHex(details.path("key").asText().toCharArray()));
      } else if (body.path("tls").path("mode").asText().equals("rpk")) {
        byte[] key = Hex.decodeHex(body.path("tls").path("details").path("key").asText().toCharArray());
        info = SecurityInfo.newRawPublicKeyInfo(endpoint, SecurityUtil.publicKey.decode(key));
      } else if (body.path("tls").path("mode").asText().equals("x509")) {
        info = SecurityInfo.newX509CertInfo(endpoint);
      } else {
        throw new Rest.Refused(400, "tls.mode must be psk, rpk or x509");
      }
      try {
        security.add(info);
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

  // Events

  private final class Registrations implements RegistrationListener {
    @Override
    public void registered(Registration registration, Registration previous, Collection<Observation> previousObservations) {
      rest.publish("REGISTRATION", registration.getEndpoint(), view(registration));
    }

    @Override
    public void updated(RegistrationUpdate update, Registration updated, Registration previous) {
      rest.publish("UPDATED", updated.getEndpoint(), Map.of("registration", view(updated)));
    }

    @Override
    public void unregistered(Registration registration, Collection<Observation> observations, boolean expired, Registration newRegistration) {
      rest.publish("DEREGISTRATION", registration.getEndpoint(), view(registration));
    }
  }

  private final class Notifications implements ObservationListener {
    @Override
    public void newObservation(Observation observation, Registration registration) {}

    @Override
    public void cancelled(Observation observation) {}

    @Override
    public void onResponse(SingleObservation observation, Registration registration, ObserveResponse response) {
      Map<String, Object> data = new LinkedHashMap<>();
      data.put("ep", registration.getEndpoint());
      data.put("res", observation.getPath().toString());
      data.put("val", response.getContent() == null ? null : Nodes.view(response.getContent()));
      rest.publish("NOTIFICATION", registration.getEndpoint(), data);
    }

    @Override
    public void onResponse(CompositeObservation observation, Registration registration, ObserveCompositeResponse response) {}

    @Override
    public void onError(Observation observation, Registration registration, Exception error) {}
  }
}
