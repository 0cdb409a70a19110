import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import com.alibaba.fastjson.parser.Feature;
import io.growing.sdk.java.GrowingAPI;
import io.growing.sdk.java.dto.GIOMessage;
import io.growing.sdk.java.dto.GioCdpEventMessage;
import io.growing.sdk.java.dto.GioCdpItemMessage;
import io.growing.sdk.java.dto.GioCdpUserMappingMessage;
import io.growing.sdk.java.dto.GioCdpUserMessage;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/**
 * Tracks records with GrowingIO's package, and ends.
 *
 * <pre>Main track HOST PRODUCT SOURCE</pre>
 *
 * <p>Standard input is a list of {"kind": .., ..}, each one message. The last line is the answer:
 * {"calls": 0, "result": 4}, how many messages were given to the package, which does not tell how
 * many requests it made.
 */
public final class Main {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("api.host", args[1]);
        properties.setProperty("logger.level", "error");
        // All of them may have to wait, since none may be refused.
        properties.setProperty("msg.store.queue.size", "1000");
        properties.setProperty("send.msg.interval", "50");
        properties.setProperty("sender.thread_pool.timeout", "20000");
        properties.setProperty("msg.store.strategy", "abortPolicy");
        GrowingAPI.initConfig(properties);
        GrowingAPI api = new GrowingAPI.Builder()
                .setProjectKey(args[2])
                .setDataSourceId(args[3])
                .build();
        String text = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        JSONArray records = (JSONArray) JSON.parse(text, Feature.DisableSpecialKeyDetect);
        for (Object record : records) {
            api.sendMaybeRejected(message((JSONObject) record));
        }
        GrowingAPI.shutdown();
        System.out.println("{\"calls\": 0, \"result\": " + records.size() + "}");
        System.exit(0);
    }

    private static GIOMessage message(JSONObject record) {
        String kind = record.getString("kind");
        Map<String, Object> attributes = record.getJSONObject("attributes");
        switch (kind) {
            case "event": {
                GioCdpEventMessage.Builder event = new GioCdpEventMessage.Builder()
                        .eventKey(record.getString("name"))
                        .eventTime(record.getLongValue("time"))
                        .loginUserId(record.getString("user"))
                        .loginUserKey(record.getString("user_key"))
                        .anonymousId(record.getString("device"))
                        .addEventVariables(attributes)
                        .addEventVariable("list", list(record));
                JSONArray item = record.getJSONArray("item");
                if (item != null) {
                    event.addItem(item.getString(0), item.getString(1), texts(item.getJSONObject(2)));
                }
                return event.build();
            }
            case "user":
                return new GioCdpUserMessage.Builder()
                        .time(record.getLongValue("time"))
                        .loginUserId(record.getString("user"))
                        .loginUserKey(record.getString("user_key"))
                        .anonymousId(record.getString("device"))
                        .addUserVariables(attributes)
                        .build();
            case "item": {
                GioCdpItemMessage.Builder item = new GioCdpItemMessage.Builder()
                        .id(record.getString("id"))
                        .key(record.getString("name"));
                texts(record.getJSONObject("attributes")).forEach(item::addItemVariable);
                return item.build();
            }
            case "mapping":
                return new GioCdpUserMappingMessage.Builder()
                        .eventTime(record.getLongValue("time"))
                        .addIdentities(texts(record.getJSONObject("attributes")))
                        .build();
            default:
                throw new IllegalArgumentException("there is no kind " + kind);
        }
    }

    private static List<String> list(JSONObject record) {
        return record.getJSONArray("list").toJavaList(String.class);
    }

    private static Map<String, String> texts(JSONObject values) {
        Map<String, String> texts = new HashMap<>();
        values.forEach((key, value) -> texts.put(key, (String) value));
        return texts;
    }

    private Main() {}
}
