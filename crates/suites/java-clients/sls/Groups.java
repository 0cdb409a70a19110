import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import com.aliyun.openservices.log.common.LogContent;
import com.aliyun.openservices.log.common.LogItem;
import com.aliyun.openservices.log.common.Logs;
import com.aliyun.openservices.log.common.TagContent;
import com.google.protobuf.ByteString;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Log groups as the suites write them in JSON. Text is a string, or a list of byte values where
 * it is not UTF-8; what is absent on the wire is null.
 */
final class Groups {
    /** With all that the wire can carry. */
    static Logs.LogGroup message(JSONObject group) {
        Logs.LogGroup.Builder message = Logs.LogGroup.newBuilder();
        if (group.get("topic") != null) {
            message.setTopicBytes(bytes(group.get("topic")));
        }
        if (group.get("source") != null) {
            message.setSourceBytes(bytes(group.get("source")));
        }
        for (JSONArray tag : pairs(group.getJSONArray("tags"))) {
            message.addLogTagsBuilder()
                    .setKeyBytes(bytes(tag.get(0)))
                    .setValueBytes(bytes(tag.get(1)));
        }
        for (Object one : group.getJSONArray("logs")) {
            JSONObject entry = (JSONObject) one;
            Logs.Log.Builder log = message.addLogsBuilder().setTime((int) entry.getLongValue("time"));
            if (entry.get("time_ns") != null) {
                log.setTimeNs(entry.getIntValue("time_ns"));
            }
            for (JSONArray content : pairs(entry.getJSONArray("contents"))) {
                log.addContentsBuilder()
                        .setKeyBytes(bytes(content.get(0)))
                        .setValueBytes(bytes(content.get(1)));
            }
        }
        return message.build();
    }

    static List<LogItem> items(JSONObject group) {
        List<LogItem> items = new ArrayList<>();
        for (Object one : group.getJSONArray("logs")) {
            JSONObject entry = (JSONObject) one;
            LogItem item = new LogItem((int) entry.getLongValue("time"));
            item.SetTimeNsPart(entry.getIntValue("time_ns"));
            for (JSONArray content : pairs(entry.getJSONArray("contents"))) {
                item.PushBack(new LogContent(content.getString(0), content.getString(1)));
            }
            items.add(item);
        }
        return items;
    }

    static List<TagContent> tags(JSONObject group) {
        List<TagContent> tags = new ArrayList<>();
        for (JSONArray tag : pairs(group.getJSONArray("tags"))) {
            tags.add(new TagContent(tag.getString(0), tag.getString(1)));
        }
        return tags;
    }

    static JSONObject shown(Logs.LogGroup message) {
        JSONArray tags = new JSONArray();
        for (Logs.LogTag tag : message.getLogTagsList()) {
            tags.add(List.of(text(tag.getKeyBytes()), text(tag.getValueBytes())));
        }
        JSONArray logs = new JSONArray();
        for (Logs.Log log : message.getLogsList()) {
            JSONArray contents = new JSONArray();
            for (Logs.Log.Content content : log.getContentsList()) {
                contents.add(List.of(text(content.getKeyBytes()), text(content.getValueBytes())));
            }
            JSONObject entry = new JSONObject();
            entry.put("time", Integer.toUnsignedLong(log.getTime()));
            entry.put("time_ns", log.hasTimeNs() ? log.getTimeNs() : null);
            entry.put("contents", contents);
            logs.add(entry);
        }
        JSONObject group = new JSONObject();
        group.put("topic", message.hasTopic() ? text(message.getTopicBytes()) : null);
        group.put("source", message.hasSource() ? text(message.getSourceBytes()) : null);
        group.put("tags", tags);
        group.put("logs", logs);
        return group;
    }

    private static Object text(ByteString bytes) {
        if (bytes.isValidUtf8()) {
            return bytes.toStringUtf8();
        }
        JSONArray values = new JSONArray();
        for (byte value : bytes.toByteArray()) {
            values.add(Byte.toUnsignedInt(value));
        }
        return values;
    }

    private static ByteString bytes(Object text) {
        if (text instanceof JSONArray values) {
            byte[] bytes = new byte[values.size()];
            for (int at = 0; at < bytes.length; at++) {
                bytes[at] = (byte) values.getIntValue(at);
            }
            return ByteString.copyFrom(bytes);
        }
        return ByteString.copyFrom(((String) text).getBytes(StandardCharsets.UTF_8));
    }

    private static List<JSONArray> pairs(JSONArray pairs) {
        List<JSONArray> list = new ArrayList<>();
        for (Object pair : pairs) {
            list.add((JSONArray) pair);
        }
        return list;
    }

    private Groups() {}
}
