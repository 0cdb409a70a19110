import com.alibaba.fastjson.JSONObject;
import com.aliyun.openservices.log.common.Consts.CursorMode;
import com.aliyun.openservices.log.common.LogStore;
import com.aliyun.openservices.log.exception.LogException;
import com.aliyun.openservices.log.request.PullLogsRequest;

/** One call that is refused. */
final class Refusals {
    /** Input: the name of a call. Result: the client's error about its refusal. */
    static Object run(Session session, String[] args) throws Exception {
        String name = (String) Main.input();
        try {
            call(session, name);
        } catch (LogException refusal) {
            JSONObject told = new JSONObject();
            told.put("status", refusal.getHttpCode());
            told.put("code", refusal.getErrorCode());
            told.put("message", refusal.GetErrorMessage());
            told.put("request_id", refusal.getRequestId());
            return told;
        }
        throw new IllegalStateException(name + " was not refused");
    }

    private static void call(Session session, String name) throws LogException {
        switch (name) {
            case "wrong_secret" -> list(session, session.id, "not-the-secret", null);
            case "unknown_key" -> list(session, "nobody", session.secret, null);
            case "wrong_token" -> list(session, session.id, session.secret, "not-the-token");
            case "no_token" -> list(session, session.id, session.secret, null);
            case "broken_spl" -> {
                String cursor = session.client
                        .GetCursor(session.project, session.logstore, 0, CursorMode.BEGIN)
                        .GetCursor();
                PullLogsRequest request = new PullLogsRequest(
                        session.project, session.logstore, 0, 1, cursor);
                request.setQuery("* | where cast(cdn_in as) > 70");
                session.client.pullLogs(request);
            }
            case "missing_logstore" -> session.client.ListShard(session.project, "missing");
            case "missing_project" -> session.client.GetProject("missing");
            case "existing_logstore" -> session.client.CreateLogStore(
                    session.project, new LogStore(session.logstore, 1, 1));
            default -> throw new IllegalArgumentException("there is no call " + name);
        }
    }

    private static void list(Session session, String id, String secret, String token)
            throws LogException {
        session.connect(id, secret, token).ListShard(session.project, session.logstore);
    }

    private Refusals() {}
}
