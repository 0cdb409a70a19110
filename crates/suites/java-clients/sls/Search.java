import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import com.aliyun.openservices.log.Client;
import com.aliyun.openservices.log.common.Histogram;
import com.aliyun.openservices.log.common.LogContent;
import com.aliyun.openservices.log.common.QueriedLog;
import com.aliyun.openservices.log.common.QueryResult;
import com.aliyun.openservices.log.exception.LogException;
import com.aliyun.openservices.log.request.GetLogsRequest;
import com.aliyun.openservices.log.request.GetLogsRequestV2;
import com.aliyun.openservices.log.response.GetContextLogsResponse;
import com.aliyun.openservices.log.response.GetHistogramsResponse;
import com.aliyun.openservices.log.response.GetLogsResponse;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Questions about logs. */
final class Search {
    /**
     * Input: {"from": S, "to": S, "questions": [{"way", "query", "topic", "line", "offset",
     * "reverse"}]}. Result: for each whether the answer is complete, its count and its logs.
     */
    static Object search(Session session, String[] args) throws Exception {
        JSONObject asked = (JSONObject) Main.input();
        JSONArray found = new JSONArray();
        for (Object one : asked.getJSONArray("questions")) {
            found.add(ask(session, asked, (JSONObject) one));
        }
        return found;
    }

    private static JSONObject ask(Session session, JSONObject asked, JSONObject question)
            throws LogException {
        int from = asked.getIntValue("from");
        int to = asked.getIntValue("to");
        String query = question.getString("query");
        String topic = topic(question);
        int line = question.getIntValue("line");
        int offset = question.getIntValue("offset");
        boolean reverse = question.getBooleanValue("reverse");
        String way = question.getString("way");
        Client client = session.client;
        switch (way) {
            case "plain": {
                GetLogsResponse told = client.GetLogs(session.project, session.logstore, from, to,
                        topic, query, line, offset, reverse);
                return told(told.IsCompleted(), told.GetCount(), told.GetLogs());
            }
            case "lz4", "deflate": {
                GetLogsRequest request = new GetLogsRequest(session.project, session.logstore,
                        from, to, topic, query, offset, line, reverse);
                request.setCompressType(Exchange.compression(way));
                GetLogsResponse told = client.GetLogs(request);
                return told(told.IsCompleted(), told.GetCount(), told.GetLogs());
            }
            case "v2": {
                GetLogsRequestV2 request = new GetLogsRequestV2(session.project, session.logstore,
                        from, to, topic, query);
                request.setLine(line);
                request.setOffset(offset);
                request.setReverse(reverse);
                QueryResult told = client.GetLogsV2(request).getResult();
                return told(told.isCompleted(), told.getLogs().size(), told.getLogs());
            }
            default:
                throw new IllegalArgumentException("there is no way " + way);
        }
    }

    private static JSONObject told(boolean complete, long count, List<QueriedLog> logs) {
        JSONObject told = new JSONObject();
        told.put("complete", complete);
        told.put("count", count);
        told.put("logs", logs.stream().map(Search::fields).toList());
        return told;
    }

    private static Map<String, String> fields(QueriedLog log) {
        Map<String, String> fields = new TreeMap<>();
        fields.put("__time__", String.valueOf(log.GetLogItem().GetTime()));
        fields.put("__source__", log.GetSource());
        for (LogContent content : log.GetLogItem().GetLogContents()) {
            fields.put(content.GetKey(), content.GetValue());
        }
        return fields;
    }

    /**
     * Input: as of {@link #search}, of which query and topic count. Result: for each question
     * whether the answer is complete, its count, and from, to and count of each part.
     */
    static Object histograms(Session session, String[] args) throws Exception {
        JSONObject asked = (JSONObject) Main.input();
        JSONArray found = new JSONArray();
        for (Object one : asked.getJSONArray("questions")) {
            JSONObject question = (JSONObject) one;
            GetHistogramsResponse told = session.client.GetHistograms(session.project,
                    session.logstore, asked.getIntValue("from"), asked.getIntValue("to"),
                    topic(question), question.getString("query"));
            JSONArray parts = new JSONArray();
            for (Histogram part : told.GetHistograms()) {
                parts.add(List.of(part.GetFrom(), part.GetTo(), part.GetCount()));
            }
            JSONObject answer = new JSONObject();
            answer.put("complete", told.IsCompleted());
            answer.put("count", told.GetTotalCount());
            answer.put("parts", parts);
            found.add(answer);
        }
        return found;
    }

    private static String topic(JSONObject question) {
        String topic = question.getString("topic");
        return topic == null ? "" : topic;
    }

    /**
     * Input: {"from": S, "to": S, "query": TEXT, "back": N, "forward": N}. Result: the field
     * `number` of the neighbours of the one log that the query finds, with their distances.
     */
    static Object context(Session session, String[] args) throws Exception {
        JSONObject asked = (JSONObject) Main.input();
        GetLogsResponse found = session.client.GetLogs(session.project, session.logstore,
                asked.getIntValue("from"), asked.getIntValue("to"), "",
                asked.getString("query") + "|with_pack_meta", 2, 0, false);
        if (found.GetCount() != 1) {
            throw new IllegalStateException(found.GetCount() + " logs answer the query");
        }
        Map<String, String> place = fields(found.GetLogs().get(0));
        GetContextLogsResponse around = session.client.getContextLogs(session.project,
                session.logstore, place.get("__tag__:__pack_id__"), place.get("__pack_meta__"),
                asked.getIntValue("back"), asked.getIntValue("forward"));
        JSONArray numbers = new JSONArray();
        for (QueriedLog log : around.getLogs()) {
            Map<String, String> fields = fields(log);
            numbers.add(List.of(fields.get("__index_number__"), fields.get("number")));
        }
        JSONObject answer = new JSONObject();
        answer.put("complete", around.isCompleted());
        answer.put("logs", numbers);
        return answer;
    }

    private Search() {}
}
