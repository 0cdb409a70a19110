import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.parser.Feature;
import com.alibaba.fastjson.serializer.SerializerFeature;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * Programs around the official Java clients, for the suite `clients-java`.
 *
 * <pre>Main PROGRAM [ARGUMENTS]    JSON in, and as its last line {"calls": N, "result": ..}</pre>
 */
public final class Main {
    /** Reads standard input and gives what it found. */
    interface Program {
        Object run(Session session, String[] args) throws Exception;
    }

    private static final PrintStream OUT =
            new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);

    private static Program named(String name) {
        return switch (name) {
            case "consumer" -> Consumer::run;
            case "consumer-group" -> ConsumerGroups::run;
            case "context" -> Search::context;
            case "cursors" -> Shards::cursors;
            case "histograms" -> Search::histograms;
            case "index" -> Indexes::run;
            case "producer" -> Producing::run;
            case "pull" -> Exchange::pull;
            case "put" -> Exchange::put;
            case "refusal" -> Refusals::run;
            case "resources" -> Resources::run;
            case "search" -> Search::search;
            case "shards" -> Shards::splitAndMerge;
            default -> throw new IllegalArgumentException("there is no program " + name);
        };
    }

    public static void main(String[] args) throws Exception {
        Program program = named(args[0]);
        Session session = Session.fromEnvironment();
        String[] rest = java.util.Arrays.copyOfRange(args, 1, args.length);
        Object result = program.run(session, rest);
        Map<String, Object> answer = new HashMap<>();
        answer.put("calls", session.calls());
        answer.put("result", result);
        print(answer);
        // Some threads of the clients would keep the virtual machine.
        System.exit(0);
    }

    /** Prints one line. */
    static synchronized void print(Object value) {
        OUT.println(JSON.toJSONString(
                value,
                SerializerFeature.WriteMapNullValue,
                SerializerFeature.DisableCircularReferenceDetect));
    }

    /** What standard input holds. */
    static Object input() throws IOException {
        String text = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        return JSON.parse(text, Feature.OrderedField, Feature.DisableSpecialKeyDetect);
    }

    private Main() {}
}
