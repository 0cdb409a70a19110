import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Leads the connections of this virtual machine to the server, whatever their name and port.
 *
 * <p>The clients take an endpoint without a port only, and not every library of them has a
 * setting for a proxy. So the virtual machine is told that it is behind a SOCKS proxy, which
 * is a thread here; names come from a file of hosts, with an address that nobody has.
 */
final class Route {
    /** Reserved for documentation. */
    private static final String NOWHERE = "192.0.2.1";

    /** To be called before anything looks at a name. */
    static void lead(String domain, String project, URI server) throws IOException {
        Path hosts = Files.createTempFile("hosts", "");
        hosts.toFile().deleteOnExit();
        String names = List.of(project, "missing").stream()
                .map(name -> NOWHERE + " " + name + "." + domain + "\n")
                .collect(Collectors.joining());
        Files.writeString(hosts, names + NOWHERE + " " + domain + "\n127.0.0.1 127.0.0.1\n");
        System.setProperty("jdk.net.hosts.file", hosts.toString());

        InetAddress here = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        ServerSocket gate = new ServerSocket(0, 50, here);
        System.setProperty("socksProxyHost", "127.0.0.1");
        System.setProperty("socksProxyPort", String.valueOf(gate.getLocalPort()));
        // Anything but nothing would leave out `localhost`.
        System.setProperty("socksNonProxyHosts", "");
        daemon(() -> {
            while (true) {
                Socket client = gate.accept();
                daemon(() -> pass(client, server));
            }
        });
    }

    private static void pass(Socket client, URI server) throws IOException {
        try (client) {
            DataInputStream in = new DataInputStream(client.getInputStream());
            OutputStream out = client.getOutputStream();
            // The greeting: version, and the ways to log in, of which none is chosen.
            in.readUnsignedByte();
            in.skipNBytes(in.readUnsignedByte());
            out.write(new byte[] {5, 0});
            // The wish: version, command, nothing, then an address or a name, and a port.
            in.skipNBytes(3);
            int kind = in.readUnsignedByte();
            in.skipNBytes(switch (kind) {
                case 1 -> 4;
                case 4 -> 16;
                default -> in.readUnsignedByte();
            });
            in.skipNBytes(2);
            try (Socket to = new Socket(Proxy.NO_PROXY)) {
                to.connect(new InetSocketAddress(server.getHost(), server.getPort()));
                out.write(new byte[] {5, 0, 0, 1, 0, 0, 0, 0, 0, 0});
                daemon(() -> copy(in, to));
                to.getInputStream().transferTo(out);
            }
        }
    }

    private static void copy(InputStream in, Socket to) throws IOException {
        in.transferTo(to.getOutputStream());
        to.shutdownOutput();
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void daemon(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException ended) {
                // The client or the server hung up, and the other will notice.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private Route() {}
}
