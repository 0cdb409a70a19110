import com.alibaba.fastjson.JSONObject;
import com.aliyun.openservices.log.Client;
import com.aliyun.openservices.log.common.LogStore;
import com.aliyun.openservices.log.exception.LogException;
import com.aliyun.openservices.log.request.UpdateProjectRequest;
import com.aliyun.openservices.log.response.GetProjectResponse;
import com.aliyun.openservices.log.response.ListProjectResponse;
import java.util.List;

/** A project and a logstore, from making to deleting. */
final class Resources {
    /** Result: what each step was told. */
    static Object run(Session session, String[] args) throws Exception {
        Client client = session.client;
        String project = session.project;
        String name = session.logstore;
        JSONObject found = new JSONObject();
        found.put("project_before", Session.refused(() -> client.GetProject(project)) == null);
        found.put("project_create",
                Session.refused(() -> client.CreateProject(project, "made by a client")));
        found.put("project", project(session));
        found.put("project_update", Session.refused(
                () -> client.updateProject(new UpdateProjectRequest(project, "changed by a client"))));
        found.put("project_changed", project(session));
        ListProjectResponse projects = client.ListProject("", 0, 500);
        long mine = projects.getProjects().stream()
                .filter(one -> one.getProjectName().equals(project))
                .count();
        int size = projects.getProjects().size();
        found.put("projects", List.of(mine, projects.getCount() == size, projects.getTotal() == size));

        LogStore logstore = new LogStore(name, 7, 3, false);
        logstore.setmAutoSplit(true);
        logstore.setmMaxSplitShard(16);
        found.put("logstore_create", Session.refused(() -> client.CreateLogStore(project, logstore)));
        found.put("logstore_again", Session.refused(() -> client.CreateLogStore(project, logstore)));
        found.put("logstore", logstore(session));
        logstore.SetTtl(14);
        logstore.setEnableWebTracking(true);
        found.put("logstore_update", Session.refused(() -> client.UpdateLogStore(project, logstore)));
        found.put("logstore_changed", logstore(session));
        List<String> listed = client.ListLogStores(project, 0, 100, "").GetLogStores();
        found.put("logstores", listed);
        found.put("logstore_exists", listed.contains(name));
        found.put("logstore_delete", Session.refused(() -> client.DeleteLogStore(project, name)));
        found.put("logstore_after", Session.refused(() -> client.GetLogStore(project, name)));
        found.put("project_delete", Session.refused(() -> client.DeleteProject(project)));
        found.put("project_after", Session.refused(() -> client.GetProject(project)));
        return found;
    }

    private static List<Object> project(Session session) throws LogException {
        GetProjectResponse told = session.client.GetProject(session.project);
        return List.of(
                session.project, told.GetProjectDescription(), told.GetProjectStatus());
    }

    private static List<Object> logstore(Session session) throws LogException {
        LogStore told = session.client.GetLogStore(session.project, session.logstore).GetLogStore();
        return List.of(told.GetLogStoreName(), told.GetTtl(), told.GetShardCount(),
                told.ismAutoSplit(), told.getmMaxSplitShard(), told.isEnableWebTracking());
    }

    private Resources() {}
}
