import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import com.aliyun.openservices.aliyun.log.producer.Attempt;
import com.aliyun.openservices.aliyun.log.producer.LogProducer;
import com.aliyun.openservices.aliyun.log.producer.ProducerConfig;
import com.aliyun.openservices.aliyun.log.producer.ProjectConfig;
import com.aliyun.openservices.aliyun.log.producer.Result;
import com.aliyun.openservices.log.common.LogItem;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** Logs through the producer. */
final class Producing {
    private static final int FIRST_SECOND = 1_700_000_000;
    private static final String SOURCE = "10.0.0.2";

    private final CountDownLatch open;
    private int delivered;
    private int refused;
    private int attempts;
    private String code = "";
    private int requestId;

    private Producing(int logs) {
        open = new CountDownLatch(logs);
    }

    /**
     * Input: {"logs": N, "topics": [..], "with": WAY, "linger_ms": N, "batch": N, "keys": [..],
     * "wait": BOOLEAN}; a way is a compression, or "json" for another form of the logs. Sends the
     * logs 0 to N to the topics in turns, by the keys in turns if there are any, waits for the
     * callbacks if it should, and closes the producer, which makes the others. Result: what the
     * callbacks said.
     */
    static Object run(Session session, String[] args) throws Exception {
        JSONObject asked = (JSONObject) Main.input();
        int logs = asked.getIntValue("logs");
        JSONArray topics = asked.getJSONArray("topics");
        JSONArray keys = asked.getJSONArray("keys");
        String with = asked.getString("with");

        ProducerConfig config = new ProducerConfig();
        config.setLingerMs(asked.getIntValue("linger_ms"));
        config.setBatchCountThreshold(asked.getIntValue("batch"));
        config.setSignVersion(session.version);
        config.setRegion(session.region);
        if (with.equals("json")) {
            config.setLogFormat(ProducerConfig.LogFormat.JSON);
        } else {
            config.setCompressType(Exchange.compression(with).toString());
        }
        LogProducer producer = new LogProducer(config);
        producer.putProjectConfig(new ProjectConfig(session.project, session.endpoint,
                Session.credentials(session.id, session.secret, session.token), null));

        Producing outcome = new Producing(logs);
        for (int number = 0; number < logs; number++) {
            String topic = topics.getString(number % topics.size());
            LogItem item = new LogItem(FIRST_SECOND + number);
            item.PushBack("number", String.valueOf(number));
            item.PushBack("message", "付款 ✅");
            if (!keys.isEmpty()) {
                producer.send(session.project, session.logstore, topic, SOURCE,
                        keys.getString(number % keys.size()), item, outcome::completed);
            } else if (number % 2 == 0) {
                producer.send(session.project, session.logstore, topic, SOURCE, item,
                        outcome::completed);
            } else {
                producer.send(session.project, session.logstore, topic, SOURCE, List.of(item),
                        outcome::completed);
            }
        }
        if (asked.getBooleanValue("wait")) {
            outcome.open.await();
        }
        producer.close();
        outcome.open.await();
        return outcome.told();
    }

    private synchronized void completed(Result result) {
        if (result.isSuccessful()) {
            delivered++;
        } else {
            refused++;
            code = result.getErrorCode();
            List<Attempt> made = result.getReservedAttempts();
            requestId = made.get(made.size() - 1).getRequestId().length();
        }
        attempts = Math.max(attempts, result.getAttemptCount());
        open.countDown();
    }

    private synchronized JSONObject told() {
        JSONObject told = new JSONObject();
        told.put("delivered", delivered);
        told.put("refused", refused);
        told.put("attempts", attempts);
        told.put("code", code);
        told.put("request_id", requestId);
        return told;
    }
}
