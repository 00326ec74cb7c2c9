import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.leshan.core.model.LwM2mModel;
import org.eclipse.leshan.core.model.ResourceModel;
import org.eclipse.leshan.core.model.ResourceModel.Type;
import org.eclipse.leshan.core.node.*;
import org.eclipse.leshan.core.util.Hex;
import org.eclipse.leshan.core.util.datatype.ULong;

/** LwM2M nodes as the JSON of Leshan's demo from 2.0.0-M15 on: each with its kind, resources with their type. */
final class Nodes {
  private Nodes() {}

  static Map<String, Object> view(LwM2mNode node) {
    Map<String, Object> view = new LinkedHashMap<>();
    if (node instanceof LwM2mObject) {
      view.put("kind", "obj");
      view.put("id", ((LwM2mChildNode) node).getId());
      view.put("instances", list(((LwM2mObject) node).getInstances().values()));
    } else if (node instanceof LwM2mObjectInstance) {
      view.put("kind", "instance");
      view.put("id", ((LwM2mChildNode) node).getId());
      view.put("resources", list(((LwM2mObjectInstance) node).getResources().values()));
    } else if (node instanceof LwM2mResource && ((LwM2mResource) node).isMultiInstances()) {
      LwM2mResource resource = (LwM2mResource) node;
      Map<String, Object> values = new LinkedHashMap<>();
      for (LwM2mResourceInstance instance : resource.getInstances().values()) values.put(String.valueOf(instance.getId()), value(instance.getValue()));
      view.put("kind", "multiResource");
      view.put("id", ((LwM2mChildNode) node).getId());
      view.put("type", resource.getType());
      view.put("values", values);
    } else if (node instanceof LwM2mResource) {
      view.put("kind", "singleResource");
      view.put("id", ((LwM2mChildNode) node).getId());
      view.put("type", ((LwM2mResource) node).getType());
      view.put("value", value(((LwM2mResource) node).getValue()));
    } else if (node instanceof LwM2mResourceInstance) {
      view.put("kind", "resourceInstance");
      view.put("id", ((LwM2mChildNode) node).getId());
      view.put("type", ((LwM2mResourceInstance) node).getType());
      view.put("value", value(((LwM2mResourceInstance) node).getValue()));
    }
    return view;
  }

  private static List<Object> list(Iterable<? extends LwM2mNode> nodes) {
    List<Object> views = new ArrayList<>();
    for (LwM2mNode node : nodes) views.add(view(node));
    return views;
  }

  private static Object value(Object value) {
    if (value instanceof byte[]) return Hex.encodeHexString((byte[]) value);
    if (value instanceof Date) return ((Date) value).getTime();
    if (value instanceof ULong) return ((ULong) value).toString();
    if (value instanceof ObjectLink) return ((ObjectLink) value).encodeToString();
    return value;
  }

  /** `text`: the value of a resource as plain text, typed by its model. */
  static LwM2mNode parse(String target, JsonNode body, String text, LwM2mModel model) throws Exception {
    String[] ids = target.substring(1).split("/");
    int id = Integer.parseInt(ids[ids.length - 1]);
    if (text != null) {
      ResourceModel resource = ids.length < 3 ? null : model.getResourceModel(Integer.parseInt(ids[0]), Integer.parseInt(ids[2]));
      if (resource == null) throw new Rest.Refused(400, "text is for a resource that is known");
      Object value = value(text, resource.type);
      return ids.length == 4 ? LwM2mResourceInstance.newInstance(id, value, resource.type) : LwM2mSingleResource.newResource(id, value, resource.type);
    }
    if (ids.length == 2) {
      List<LwM2mResource> resources = new ArrayList<>();
      for (JsonNode resource : body.path("resources")) resources.add(resource(resource));
      return new LwM2mObjectInstance(id, resources);
    }
    if (ids.length == 3) return resource(body);
    if (ids.length == 4) return LwM2mResourceInstance.newInstance(id, value(body.path("value"), type(body)), type(body));
    throw new Rest.Refused(400, "nothing can be written to " + target);
  }

  private static LwM2mResource resource(JsonNode body) throws Exception {
    if (!body.path("kind").asText().equals("multiResource")) return LwM2mSingleResource.newResource(body.path("id").asInt(), value(body.path("value"), type(body)), type(body));
    Map<Integer, Object> values = new LinkedHashMap<>();
    for (var it = body.path("values").fields(); it.hasNext();) {
      var entry = it.next();
      values.put(Integer.valueOf(entry.getKey()), value(entry.getValue(), type(body)));
    }
    return LwM2mMultipleResource.newResource(body.path("id").asInt(), values, type(body));
  }

  private static Type type(JsonNode body) throws Rest.Refused {
    try {
      return Type.valueOf(body.path("type").asText().toUpperCase());
    } catch (IllegalArgumentException e) {
      throw new Rest.Refused(400, "type is mandatory");
    }
  }

  private static Object value(JsonNode value, Type type) throws Rest.Refused {
    return value(value.isTextual() ? value.asText() : value.toString(), type);
  }

  private static Object value(String text, Type type) throws Rest.Refused {
    try {
      switch (type) {
        case STRING:
          return text;
        case INTEGER:
          return Long.valueOf(text);
        case UNSIGNED_INTEGER:
          return ULong.valueOf(text);
        case FLOAT:
          return Double.valueOf(text);
        case BOOLEAN:
          return Boolean.valueOf(text);
        case OPAQUE:
          return Hex.decodeHex(text.toCharArray());
        case TIME:
          return new Date(Long.parseLong(text));
        case OBJLNK:
          return ObjectLink.decodeFromString(text);
        default:
          throw new Rest.Refused(400, "a " + type + " cannot be written here");
      }
    } catch (IllegalArgumentException e) {
      throw new Rest.Refused(400, "not a " + type + ": " + text);
    }
  }
}
