import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import com.aliyun.openservices.log.Client;
import com.aliyun.openservices.log.common.Consts.CursorMode;
import com.aliyun.openservices.log.common.Shard;
import com.aliyun.openservices.log.exception.LogException;
import java.util.List;

/** Shards and positions in them. */
final class Shards {
    /** Input: seconds since 1970. Result: cursors and times of shard 0. */
    static Object cursors(Session session, String[] args) throws Exception {
        JSONArray seconds = (JSONArray) Main.input();
        Client client = session.client;
        String project = session.project;
        String logstore = session.logstore;
        String begin = client.GetCursor(project, logstore, 0, CursorMode.BEGIN).GetCursor();
        String end = client.GetCursor(project, logstore, 0, CursorMode.END).GetCursor();
        JSONArray at = new JSONArray();
        for (int i = 0; i < seconds.size(); i++) {
            at.add(client.GetCursor(project, logstore, 0, seconds.getLongValue(i)).GetCursor());
        }
        JSONObject found = new JSONObject();
        found.put("begin", begin);
        found.put("end", end);
        found.put("at", at);
        found.put("begin_time", client.GetCursorTime(project, logstore, 0, begin).GetCursorTime());
        found.put("previous_of_end",
                client.GetPrevCursorTime(project, logstore, 0, end).GetCursorTime());
        return found;
    }

    /**
     * Input: {"key": HASH KEY}. Result: shard 0 split there and its children merged; what each
     * call gave and what was listed after it.
     */
    static Object splitAndMerge(Session session, String[] args) throws Exception {
        String key = ((JSONObject) Main.input()).getString("key");
        Client client = session.client;
        String project = session.project;
        String logstore = session.logstore;
        JSONObject found = new JSONObject();
        List<Shard> split = client.SplitShard(project, logstore, 0, key).GetShards();
        found.put("split", brief(split));
        found.put("after_split", list(session));
        found.put("split_closed",
                Session.refused(() -> client.SplitShard(project, logstore, 0, key)));
        int left = split.get(1).getShardId();
        found.put("merge", brief(client.MergeShards(project, logstore, left).GetShards()));
        found.put("after_merge", list(session));
        return found;
    }

    private static JSONArray list(Session session) throws LogException {
        return brief(session.client.ListShard(session.project, session.logstore).GetShards());
    }

    private static JSONArray brief(List<Shard> shards) {
        JSONArray list = new JSONArray();
        for (Shard shard : shards) {
            list.add(List.of(shard.getShardId(), shard.getStatus(),
                    shard.getInclusiveBeginKey(), shard.getExclusiveEndKey()));
        }
        return list;
    }

    private Shards() {}
}
