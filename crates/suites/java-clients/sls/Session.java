import com.aliyun.openservices.log.Client;
import com.aliyun.openservices.log.common.auth.CredentialsProvider;
import com.aliyun.openservices.log.common.auth.DefaultCredentials;
import com.aliyun.openservices.log.common.auth.StaticCredentialsProvider;
import com.aliyun.openservices.log.exception.LogException;
import com.aliyun.openservices.log.http.client.ClientConfiguration;
import com.aliyun.openservices.log.http.comm.DefaultServiceClient;
import com.aliyun.openservices.log.http.comm.ResponseMessage;
import com.aliyun.openservices.log.http.signer.SignVersion;
import java.io.IOException;
import java.net.URI;
import java.util.concurrent.atomic.AtomicLong;

/** A client of the server that the environment names, and the number of requests it made. */
final class Session {
    private static final AtomicLong CALLS = new AtomicLong();

    final String endpoint;
    final String id;
    final String secret;
    /** Null for a key without one. */
    final String token;
    final SignVersion version;
    final String region;
    final String project;
    final String logstore;
    final Client client;
    private final URI server;
    private final String route;

    static Session fromEnvironment() throws IOException {
        return new Session();
    }

    private Session() throws IOException {
        endpoint = variable("SLS_ENDPOINT");
        id = variable("ALIBABA_CLOUD_ACCESS_KEY_ID");
        secret = variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
        token = System.getenv("ALIBABA_CLOUD_SECURITY_TOKEN");
        version = SignVersion.valueOf(variable("SLS_AUTH_VERSION").toUpperCase());
        region = variable("SLS_REGION");
        project = variable("SLS_PROJECT");
        logstore = variable("SLS_LOGSTORE");
        route = variable("SLS_ROUTE");
        server = URI.create(variable("http_proxy"));
        if (!route.equals("proxy")) {
            Route.lead(URI.create(endpoint).getHost(), project, server);
        }
        client = connect(id, secret, token);
    }

    /** Another client for the same server. */
    Client connect(String id, String secret, String token) {
        ClientConfiguration configuration = new ClientConfiguration();
        configuration.setSignatureVersion(version);
        configuration.setRegion(region);
        if (route.equals("proxy")) {
            configuration.setProxyHost(server.getHost());
            configuration.setProxyPort(server.getPort());
        }
        Client client = new Client(
                endpoint, credentials(id, secret, token), new Counted(configuration), "10.0.0.9");
        // For puts and pulls; the other calls go by name nevertheless.
        if (route.equals("address")) {
            client.setRealServerIP(server.getAuthority());
        }
        return client;
    }

    static CredentialsProvider credentials(String id, String secret, String token) {
        return new StaticCredentialsProvider(new DefaultCredentials(id, secret, token));
    }

    long calls() {
        return CALLS.get();
    }

    /** For what a client of another library did. */
    static void count(long calls) {
        CALLS.addAndGet(calls);
    }

    private static String variable(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalStateException(name + " is not set");
        }
        return value;
    }

    /** A call that may be refused. */
    interface Call {
        void make() throws LogException;
    }

    /** The service's code for a refusal, null for none; every other error is a failure. */
    static String refused(Call call) throws LogException {
        try {
            call.make();
            return null;
        } catch (LogException refusal) {
            if (refusal.getHttpCode() <= 0) {
                throw refusal;
            }
            return refusal.getErrorCode();
        }
    }

    private static final class Counted extends DefaultServiceClient {
        Counted(ClientConfiguration configuration) {
            super(configuration);
        }

        @Override
        public ResponseMessage sendRequestCore(Request request, String charset)
                throws IOException, LogException {
            CALLS.incrementAndGet();
            return super.sendRequestCore(request, charset);
        }
    }
}
