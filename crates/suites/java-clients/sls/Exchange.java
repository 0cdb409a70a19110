import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import com.aliyun.openservices.log.common.Consts.CompressType;
import com.aliyun.openservices.log.common.Consts.CursorMode;
import com.aliyun.openservices.log.common.LogGroup;
import com.aliyun.openservices.log.common.LogGroupData;
import com.aliyun.openservices.log.common.Shard;
import com.aliyun.openservices.log.exception.LogException;
import com.aliyun.openservices.log.request.BatchPutLogsRequest;
import com.aliyun.openservices.log.request.PullLogsRequest;
import com.aliyun.openservices.log.request.PutLogsRequest;
import com.aliyun.openservices.log.response.PullLogsResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** Puts and pulls. */
final class Exchange {
    /**
     * Input: {"with": WAY, "puts": [{"group": GROUP, "key": HASH KEY OR NULL}]}. A way is a
     * compression, "raw" for groups that the program has encoded itself, or "batch" for one request
     * with all groups.
     */
    static Object put(Session session, String[] args) throws Exception {
        JSONObject asked = (JSONObject) Main.input();
        String with = asked.getString("with");
        if (with.equals("batch")) {
            List<LogGroup> groups = new ArrayList<>();
            for (Object put : asked.getJSONArray("puts")) {
                JSONObject group = ((JSONObject) put).getJSONObject("group");
                groups.add(new LogGroup(Groups.items(group), Groups.tags(group),
                        group.getString("topic"), group.getString("source")));
            }
            session.client.batchPutLogs(
                    new BatchPutLogsRequest(session.project, session.logstore, groups, null));
            return null;
        }
        for (Object one : asked.getJSONArray("puts")) {
            JSONObject put = (JSONObject) one;
            JSONObject group = put.getJSONObject("group");
            PutLogsRequest request;
            if (with.equals("raw")) {
                request = new PutLogsRequest(session.project, session.logstore, null, null,
                        Groups.message(group).toByteArray(), put.getString("key"));
            } else {
                request = new PutLogsRequest(session.project, session.logstore,
                        group.getString("topic"), group.getString("source"),
                        Groups.items(group), put.getString("key"));
                request.SetTags(Groups.tags(group));
                request.setCompressType(compression(with));
            }
            session.client.PutLogs(request);
        }
        return null;
    }

    static CompressType compression(String name) {
        return switch (name) {
            case "lz4" -> CompressType.LZ4;
            case "zstd" -> CompressType.ZSTD;
            case "deflate" -> CompressType.GZIP;
            case "plain" -> CompressType.NONE;
            default -> throw new IllegalArgumentException("no compression " + name);
        };
    }

    /** Input: {"with": COMPRESSION, "query": TEXT OR NULL, "count": N}. Result: each shard to its end. */
    static Object pull(Session session, String[] args) throws Exception {
        JSONObject asked = (JSONObject) Main.input();
        JSONArray found = new JSONArray();
        for (Shard shard : session.client.ListShard(session.project, session.logstore).GetShards()) {
            found.add(toItsEnd(session, shard.getShardId(), asked));
        }
        return found;
    }

    private static JSONObject toItsEnd(Session session, int shard, JSONObject asked)
            throws LogException {
        String cursor = session.client
                .GetCursor(session.project, session.logstore, shard, CursorMode.BEGIN)
                .GetCursor();
        JSONArray groups = new JSONArray();
        List<String> cursors = new ArrayList<>();
        long seen = 0;
        long kept = 0;
        while (true) {
            PullLogsRequest request = new PullLogsRequest(
                    session.project, session.logstore, shard, asked.getIntValue("count"), cursor);
            request.setQuery(asked.getString("query"));
            request.setCompressType(compression(asked.getString("with")));
            PullLogsResponse pulled = session.client.pullLogs(request);
            if (pulled.getCount() > 0) {
                List<LogGroupData> list = pulled.getLogGroups();
                for (LogGroupData data : list) {
                    groups.add(Groups.shown(data.GetLogGroup()));
                }
                cursors.addAll(cursors(pulled.getReadLastCursor(), list.size()));
            }
            seen += number(pulled, "x-log-rawdatalines");
            kept += number(pulled, "x-log-resultlines");
            if (pulled.getNextCursor().equals(cursor)) {
                JSONObject result = new JSONObject();
                result.put("groups", groups);
                result.put("cursors", cursors);
                result.put("lines_seen", seen);
                result.put("lines_kept", kept);
                return result;
            }
            cursor = pulled.getNextCursor();
        }
    }

    /** The client tells where the last of so many groups is. */
    private static List<String> cursors(String last, int count) {
        List<String> cursors = new ArrayList<>();
        for (long at = Long.parseLong(last) - count + 1; cursors.size() < count; at++) {
            byte[] text = String.valueOf(at).getBytes(StandardCharsets.UTF_8);
            cursors.add(Base64.getEncoder().encodeToString(text));
        }
        return cursors;
    }

    private static long number(PullLogsResponse pulled, String header) {
        String value = pulled.GetHeader(header);
        return value == null || value.isEmpty() ? 0 : Long.parseLong(value);
    }

    private Exchange() {}
}
