import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import com.aliyun.openservices.log.Client;
import com.aliyun.openservices.log.common.ConsumerGroup;
import com.aliyun.openservices.log.common.ConsumerGroupShardCheckPoint;
import com.aliyun.openservices.log.exception.LogException;
import java.util.List;

/** A consumer group, call by call. */
final class ConsumerGroups {
    private static final String GROUP = "readers";

    /** Input: a cursor of shard 0. Result: what each step was told, in one group of two consumers. */
    static Object run(Session session, String[] args) throws Exception {
        String cursor = (String) Main.input();
        Client client = session.client;
        String project = session.project;
        String logstore = session.logstore;
        JSONObject found = new JSONObject();
        ConsumerGroup group = new ConsumerGroup(GROUP, 30, false);
        for (String step : List.of("create", "create_again")) {
            found.put(step,
                    Session.refused(() -> client.CreateConsumerGroup(project, logstore, group)));
        }
        found.put("created", list(session));
        found.put("update", Session.refused(
                () -> client.UpdateConsumerGroup(project, logstore, GROUP, true, 60)));
        found.put("updated", list(session));

        found.put("unknown", Session.refused(
                () -> client.HeartBeat(project, logstore, GROUP, "stranger", List.of(0))));
        found.put("alone", beat(session, "first", List.of()));
        // The second gets what the first gives up, once the first reports that it did.
        found.put("second_waits", beat(session, "second", List.of()));
        List<Integer> kept = beat(session, "first", List.of(0, 1));
        found.put("first_gives_up", kept);
        found.put("first_keeps", beat(session, "first", kept));
        found.put("second_gets", beat(session, "second", List.of()));

        boolean first = kept.equals(List.of(0));
        found.put("before", checkpoints(session));
        found.put("saved_by_other", save(session, first ? "second" : "first", cursor));
        found.put("saved", save(session, first ? "first" : "second", cursor));
        found.put("after", checkpoints(session));

        found.put("delete",
                Session.refused(() -> client.DeleteConsumerGroup(project, logstore, GROUP)));
        found.put("deleted", list(session));
        return found;
    }

    private static JSONArray list(Session session) throws LogException {
        JSONArray groups = new JSONArray();
        for (ConsumerGroup group : session.client
                .ListConsumerGroup(session.project, session.logstore)
                .GetConsumerGroups()) {
            groups.add(List.of(
                    group.getConsumerGroupName(), group.getTimeout(), group.isInOrder()));
        }
        return groups;
    }

    private static List<Integer> beat(Session session, String consumer, List<Integer> held)
            throws LogException {
        return session.client
                .HeartBeat(session.project, session.logstore, GROUP, consumer, held)
                .getShards();
    }

    private static String save(Session session, String consumer, String cursor)
            throws LogException {
        return Session.refused(() -> session.client.UpdateCheckPoint(
                session.project, session.logstore, GROUP, consumer, 0, cursor));
    }

    /** Shard, cursor and consumer of each. */
    private static JSONArray checkpoints(Session session) throws LogException {
        JSONArray saved = new JSONArray();
        for (ConsumerGroupShardCheckPoint one : session.client
                .GetCheckPoint(session.project, session.logstore, GROUP)
                .getCheckPoints()) {
            saved.add(List.of(one.getShard(), one.getCheckPoint(), one.getConsumer()));
        }
        return saved;
    }

    private ConsumerGroups() {}
}
