import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import com.aliyun.openservices.log.Client;
import com.aliyun.openservices.log.common.Index;
import com.aliyun.openservices.log.exception.LogException;

/** An index, made, read, changed and deleted. */
final class Indexes {
    /** Input: two index configurations. Result: what each step was told, and what was read between them. */
    static Object run(Session session, String[] args) throws Exception {
        JSONArray asked = (JSONArray) Main.input();
        Index first = index(asked.getJSONObject(0));
        Index second = index(asked.getJSONObject(1));
        Client client = session.client;
        String project = session.project;
        String logstore = session.logstore;
        JSONObject found = new JSONObject();
        found.put("get_before", Session.refused(() -> client.GetIndex(project, logstore)));
        found.put("create", Session.refused(() -> client.CreateIndex(project, logstore, first)));
        found.put("created", read(session));
        found.put("create_again", Session.refused(() -> client.CreateIndex(project, logstore, first)));
        found.put("update", Session.refused(() -> client.UpdateIndex(project, logstore, second)));
        found.put("changed", read(session));
        found.put("delete", Session.refused(() -> client.DeleteIndex(project, logstore)));
        found.put("get_after", Session.refused(() -> client.GetIndex(project, logstore)));
        return found;
    }

    private static Index index(JSONObject given) throws LogException {
        Index index = new Index();
        index.FromJsonString(given.toJSONString());
        return index;
    }

    private static Object read(Session session) throws LogException {
        Index told = session.client.GetIndex(session.project, session.logstore).GetIndex();
        return JSON.parse(told.ToJsonString());
    }

    private Indexes() {}
}
