import com.alibaba.fastjson.JSONObject;
import com.aliyun.openservices.log.common.FastLog;
import com.aliyun.openservices.log.common.FastLogContent;
import com.aliyun.openservices.log.common.LogGroupData;
import com.aliyun.openservices.loghub.client.ClientWorker;
import com.aliyun.openservices.loghub.client.ILogHubCheckPointTracker;
import com.aliyun.openservices.loghub.client.config.LogHubConfig;
import com.aliyun.openservices.loghub.client.exceptions.LogHubCheckPointException;
import com.aliyun.openservices.loghub.client.interfaces.ILogHubProcessor;
import java.util.ArrayList;
import java.util.List;

/** A member of a consumer group: `consumer GROUP NAME`. */
final class Consumer implements ILogHubProcessor {
    /** A member that is silent for the second has left. */
    private static final int HEARTBEAT_MS = 1000;
    private static final int TIMEOUT_S = 2;
    /** Small pulls that take their time, so that a member can be killed between two of them. */
    private static final int GROUPS = 2;
    private static final int WORK_MS = 50;

    private int shard;

    /**
     * Prints a line {"shard": 0, "numbers": [..]} about each pull, with the field `number` of its
     * logs, and saves the checkpoint after that, so what a checkpoint covers was told. Leaves the
     * group when standard input is closed.
     */
    static Object run(Session session, String[] args) throws Exception {
        LogHubConfig config = new LogHubConfig(args[0], args[1], session.endpoint, session.project,
                session.logstore, session.id, session.secret,
                LogHubConfig.ConsumePosition.BEGIN_CURSOR, GROUPS);
        config.setStsToken(session.token);
        config.setHeartBeatIntervalMillis(HEARTBEAT_MS);
        config.setTimeoutInSeconds(TIMEOUT_S);
        config.setFetchIntervalMillis(50);
        ClientWorker worker = new ClientWorker(Consumer::new, config);
        Thread thread = new Thread(worker);
        thread.start();
        System.in.readAllBytes();
        worker.shutdown();
        thread.join();
        return null;
    }

    @Override
    public void initialize(int shardId) {
        shard = shardId;
    }

    @Override
    public String process(List<LogGroupData> groups, ILogHubCheckPointTracker tracker) {
        List<Integer> numbers = new ArrayList<>();
        for (LogGroupData group : groups) {
            for (FastLog log : group.getFastLogGroup().getLogs()) {
                for (FastLogContent content : log.getContents()) {
                    if (content.getKey().equals("number")) {
                        numbers.add(Integer.valueOf(content.getValue()));
                    }
                }
            }
        }
        // The library hands over empty pulls, too.
        if (!numbers.isEmpty()) {
            try {
                Thread.sleep(WORK_MS);
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
            }
            JSONObject line = new JSONObject();
            line.put("shard", shard);
            line.put("numbers", numbers);
            Session.count(1);
            Main.print(line);
        }
        try {
            tracker.saveCheckPoint(true);
        } catch (LogHubCheckPointException refused) {
            throw new IllegalStateException(refused);
        }
        return null;
    }

    @Override
    public void shutdown(ILogHubCheckPointTracker tracker) {
        try {
            tracker.saveCheckPoint(true);
        } catch (LogHubCheckPointException refused) {
            throw new IllegalStateException(refused);
        }
    }
}
