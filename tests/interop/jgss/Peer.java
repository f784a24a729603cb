// SPDX-License-Identifier: MIT
//
// Java's own GSS-API (JGSS), which is written in Java from the protocol up to the cryptography. It talks to itself first,
// then to the program mirror, which does with sspan what it is told: mirror.cpp has the commands.
//
//   java Peer.java PORT KEYTAB TICKETS   the port of mirror, the service's keys, alice's tickets
//
// It prints a line for each case that fails. The last line is "N passed, N failed". If the environment has
// SSPAN_ONLY_SEALED, sspan must refuse messages with integrity only.
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.AppConfigurationEntry.LoginModuleControlFlag;
import javax.security.auth.login.Configuration;
import org.ietf.jgss.GSSContext;
import org.ietf.jgss.GSSCredential;
import org.ietf.jgss.GSSException;
import org.ietf.jgss.GSSManager;
import org.ietf.jgss.MessageProp;
import org.ietf.jgss.Oid;

public final class Peer {
    private static final String SERVICE = "echo/server.sspan.test";
    private static final int PATIENCE = 60_000; // milliseconds
    private static final int[] SIZES = {0, 1, 15, 16, 17, 255, 4096, 16384, 65535, 65536, 1 << 20};
    private static final int SHORT = 17; // bytes of a message that is altered

    private static final boolean ONLY_SEALED = System.getenv("SSPAN_ONLY_SEALED") != null;

    private static int port;
    private static int passed;
    private static int failed;

    // ---- one end of a context -------------------------------------------------------------------------------------

    private interface End {
        /** The next token of the handshake; empty if there is none. */
        byte[] step(byte[] token) throws Exception;

        boolean complete();

        byte[] wrap(byte[] data, boolean encrypted) throws Exception;

        byte[] unwrap(byte[] message, boolean encrypted) throws Exception;

        byte[] sign(byte[] data) throws Exception;

        void verify(byte[] data, byte[] signature) throws Exception;

        void close() throws Exception;
    }

    /** The end does not accept a message. */
    private static final class Refused extends Exception {
        private static final long serialVersionUID = 1;

        Refused(String why) {
            super(why);
        }
    }

    private static final class Jgss implements End {
        private final GSSContext context;

        Jgss(boolean client) throws GSSException {
            GSSManager manager = GSSManager.getInstance();
            if (!client) {
                context = manager.createContext((GSSCredential) null);
                return;
            }
            Oid kerberos = new Oid("1.2.840.113554.1.2.2");
            Oid principal = new Oid("1.2.840.113554.1.2.2.1");
            context = manager.createContext(manager.createName(SERVICE + "@SSPAN.TEST", principal), kerberos, null,
                    GSSContext.DEFAULT_LIFETIME);
            context.requestMutualAuth(true);
            context.requestReplayDet(true);
            context.requestSequenceDet(true);
            context.requestConf(true);
            context.requestInteg(true);
        }

        @Override
        public byte[] step(byte[] token) throws GSSException {
            byte[] next = context.isInitiator() ? context.initSecContext(token, 0, token.length)
                    : context.acceptSecContext(token, 0, token.length);
            return next == null ? new byte[0] : next;
        }

        @Override
        public boolean complete() {
            return context.isEstablished() && context.getMutualAuthState() && context.getSequenceDetState()
                    && context.getReplayDetState() && context.getConfState() && context.getIntegState();
        }

        @Override
        public byte[] wrap(byte[] data, boolean encrypted) throws GSSException {
            MessageProp property = new MessageProp(0, encrypted);
            byte[] message = context.wrap(data, 0, data.length, property);
            expect(property.getPrivacy() == encrypted, "JGSS has wrapped with the wrong quality");
            return message;
        }

        @Override
        public byte[] unwrap(byte[] message, boolean encrypted) throws Refused {
            MessageProp property = new MessageProp(0, !encrypted);
            try {
                byte[] data = context.unwrap(message, 0, message.length, property);
                requireInSequence(property);
                expect(property.getPrivacy() == encrypted, "JGSS has found the wrong quality");
                return data;
            } catch (GSSException refused) {
                throw new Refused(refused.getMessage());
            }
        }

        @Override
        public byte[] sign(byte[] data) throws GSSException {
            return context.getMIC(data, 0, data.length, new MessageProp(0, false));
        }

        @Override
        public void verify(byte[] data, byte[] signature) throws Refused {
            MessageProp property = new MessageProp(0, false);
            try {
                context.verifyMIC(signature, 0, signature.length, data, 0, data.length, property);
                requireInSequence(property);
            } catch (GSSException refused) {
                throw new Refused(refused.getMessage());
            }
        }

        @Override
        public void close() throws GSSException {
            context.dispose();
        }

        /** JGSS opens messages that are out of sequence, and only marks them. */
        private static void requireInSequence(MessageProp property) throws Refused {
            if (property.isDuplicateToken() || property.isGapToken() || property.isOldToken() || property.isUnseqToken()) {
                throw new Refused("out of sequence");
            }
        }
    }

    private static final class Sspan implements End {
        private static final Pattern REASONS = Pattern.compile("SEC_E_(MESSAGE_ALTERED|INVALID_TOKEN|OUT_OF_SEQUENCE) ");
        private final Socket socket = new Socket();
        private final DataInputStream in;
        private final DataOutputStream out;
        private boolean begun;
        private boolean complete;

        Sspan(boolean client) throws IOException, Refused {
            socket.connect(new InetSocketAddress("127.0.0.1", port), PATIENCE);
            socket.setSoTimeout(PATIENCE);
            socket.setTcpNoDelay(true);
            in = new DataInputStream(socket.getInputStream());
            out = new DataOutputStream(socket.getOutputStream());
            if (!client) {
                call('S', new byte[] {0});
                begun = true;
            }
        }

        /** Gives mirror a command whose payload is the parts. sspan may refuse messages for the right reasons only. */
        private byte[] call(char command, byte[]... parts) throws IOException, Refused {
            out.write(join(new byte[] {(byte) command}, sized(join(parts))));
            char letter = (char) in.readUnsignedByte();
            byte[] answer = new byte[in.readInt()];
            in.readFully(answer);
            if (letter == 'K') {
                return answer;
            }
            boolean refused = letter == 'E'; // then the reason is in front, with its length
            String why = refused ? new String(answer, 4, ByteBuffer.wrap(answer).getInt(), StandardCharsets.UTF_8)
                    : new String(answer, StandardCharsets.UTF_8);
            if (refused && REASONS.matcher(why).lookingAt()) {
                throw new Refused(why);
            }
            throw new IllegalStateException(why);
        }

        @Override
        public byte[] step(byte[] token) throws IOException, Refused {
            byte[] answer = begun ? call('T', token)
                    : call('C', new byte[] {0}, SERVICE.getBytes(StandardCharsets.UTF_8));
            begun = true;
            complete = answer[0] == 1;
            return withoutFirst(answer);
        }

        @Override
        public boolean complete() {
            return complete;
        }

        @Override
        public byte[] wrap(byte[] data, boolean encrypted) throws IOException, Refused {
            return call('W', quality(encrypted), data);
        }

        @Override
        public byte[] unwrap(byte[] message, boolean encrypted) throws IOException, Refused {
            byte least = (byte) (encrypted ? 1 : 2);
            byte[] answer = call('U', new byte[] {least}, message);
            expect(answer[0] == quality(encrypted)[0], "sspan has found the wrong quality");
            return withoutFirst(answer);
        }

        @Override
        public byte[] sign(byte[] data) throws IOException, Refused {
            return call('I', new byte[] {1}, data);
        }

        @Override
        public void verify(byte[] data, byte[] signature) throws IOException, Refused {
            call('V', new byte[] {1}, sized(signature), data);
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }

        /** Ends mirror. */
        static void end() throws IOException, Refused {
            Sspan last = new Sspan(true);
            last.out.write(new byte[] {'Q', 0, 0, 0, 0});
            last.close();
        }

        private static byte[] quality(boolean encrypted) {
            return new byte[] {(byte) (encrypted ? 0 : 1)};
        }
    }

    private static byte[] join(byte[]... parts) {
        ByteBuffer whole = ByteBuffer.allocate(Arrays.stream(parts).mapToInt(part -> part.length).sum());
        for (byte[] part : parts) {
            whole.put(part);
        }
        return whole.array();
    }

    private static byte[] sized(byte[] bytes) {
        return join(ByteBuffer.allocate(4).putInt(bytes.length).array(), bytes);
    }

    private static byte[] withoutFirst(byte[] bytes) {
        return Arrays.copyOfRange(bytes, 1, bytes.length);
    }

    // ---- what the two ends do -------------------------------------------------------------------------------------

    /** Each makes a message at one end and accepts it at the other. */
    private enum Kind {
        SEALED, INTEGRITY_ONLY, SIGNED;

        byte[] protect(End sender, byte[] data) throws Exception {
            return this == SIGNED ? sender.sign(data) : sender.wrap(data, this == SEALED);
        }

        /** What the receiver gets. */
        byte[] accept(End receiver, byte[] message, byte[] data) throws Exception {
            if (this == SIGNED) {
                receiver.verify(data, message);
                return data;
            }
            return receiver.unwrap(message, this == SEALED);
        }
    }

    /** Who is at the ends of a context, and which of them sends. */
    private record Route(boolean jgssConnects, boolean jgssAccepts, boolean clientSends) {
        boolean jgssReceives() {
            return clientSends ? jgssAccepts : jgssConnects;
        }

        @Override
        public String toString() {
            String client = jgssConnects ? "JGSS client" : "sspan client";
            String server = jgssAccepts ? "JGSS server" : "sspan server";
            return clientSends ? client + " to " + server : server + " to " + client;
        }
    }

    private static final class Established implements AutoCloseable {
        final End sender;
        final End receiver;

        Established(Route route) throws Exception {
            End client = route.jgssConnects ? new Jgss(true) : new Sspan(true);
            End server = route.jgssAccepts ? new Jgss(false) : new Sspan(false);
            sender = route.clientSends ? client : server;
            receiver = route.clientSends ? server : client;
            for (byte[] token = client.step(new byte[0]); token.length != 0;) {
                token = server.step(token);
                token = token.length == 0 ? token : client.step(token);
            }
            expect(client.complete() && server.complete(), "the handshake is not complete");
        }

        @Override
        public void close() {
            try {
                sender.close();
                receiver.close();
            } catch (Exception ignored) {
                // the case is over
            }
        }
    }

    // ---- cases ----------------------------------------------------------------------------------------------------

    private interface Case {
        void run() throws Exception;
    }

    private static void test(String name, Case body) {
        try {
            body.run();
            ++passed;
        } catch (Exception problem) {
            System.out.println(name + ": " + problem);
            ++failed;
        }
    }

    private static void expect(boolean condition, String otherwise) {
        if (!condition) {
            throw new IllegalStateException(otherwise);
        }
    }

    private static byte[] data(int size) {
        byte[] data = new byte[size];
        for (int i = 0; i != size; ++i) {
            data[i] = (byte) (i * 31 + 7);
        }
        return data;
    }

    private static void exchange(Established pair, Kind kind, int size) throws Exception {
        byte[] data = data(size);
        byte[] message = kind.protect(pair.sender, data);
        expect(Arrays.equals(kind.accept(pair.receiver, message, data), data), "the data are others");
    }

    /** Messages of these kinds and every size, over one context. */
    private static void testSizes(Route route, List<Kind> kinds) {
        try (Established pair = new Established(route)) {
            for (int size : SIZES) {
                for (Kind kind : kinds) {
                    test(route + ", " + kind + ", " + size + " bytes", () -> exchange(pair, kind, size));
                }
            }
        } catch (Exception problem) {
            test(route + ", every size", () -> {
                throw problem;
            });
        }
    }

    /** A context of its own, whose first message is of this kind. */
    private static void testFirst(Route route, Kind kind, int size) {
        test(route + ", " + kind + ", first, " + size + " bytes", () -> {
            try (Established pair = new Established(route)) {
                exchange(pair, kind, size);
            }
        });
    }

    private interface Attack {
        /** Gives an end what it must refuse. */
        void run(Established pair, byte[] data) throws Exception;
    }

    /** In front of each attack is a message that must be accepted. */
    private static void testRefusal(String name, Route route, Kind kind, Attack attack) {
        test(route + ", " + kind + ", " + name, () -> {
            try (Established pair = new Established(route)) {
                exchange(pair, kind, SHORT);
                try {
                    attack.run(pair, data(SHORT));
                } catch (Refused right) {
                    return;
                }
                throw new IllegalStateException("it was accepted");
            }
        });
    }

    private interface Alteration {
        byte[] of(byte[] message);
    }

    private static void testAlteration(String name, Route route, Kind kind, Alteration alteration) {
        testRefusal(name, route, kind, (pair, data) -> {
            byte[] message = kind.protect(pair.sender, data);
            kind.accept(pair.receiver, alteration.of(message), data);
        });
    }

    private static byte[] flipped(byte[] message, int index) {
        byte[] altered = message.clone();
        altered[index] ^= 4;
        return altered;
    }

    private static void testRefusals(Route route, Kind kind) {
        // JGSS accepts sealed messages with an altered header: it compares only a part of it with the encrypted copy.
        for (int index = 0; index != 16 && !route.jgssReceives(); ++index) {
            int place = index;
            testAlteration("altered header, byte " + place, route, kind, message -> flipped(message, place));
        }
        testAlteration("altered behind the header", route, kind, message -> flipped(message, 16));
        testAlteration("altered in the middle", route, kind, message -> flipped(message, message.length / 2));
        testAlteration("altered at the end", route, kind, message -> flipped(message, message.length - 1));
        testAlteration("shortened", route, kind, message -> Arrays.copyOf(message, message.length - 1));
        testRefusal("replayed", route, kind, (pair, data) -> {
            byte[] message = kind.protect(pair.sender, data);
            expect(Arrays.equals(kind.accept(pair.receiver, message.clone(), data), data), "the data are others");
            kind.accept(pair.receiver, message, data);
        });
        testRefusal("behind a lost one", route, kind, (pair, data) -> {
            kind.protect(pair.sender, data);
            kind.accept(pair.receiver, kind.protect(pair.sender, data), data);
        });
        testRefusal("sent back", route, kind, (pair, data) -> {
            kind.accept(pair.sender, kind.protect(pair.sender, data), data);
        });
    }

    /** sspan must refuse the quality of the message. */
    private static void testQuality(String name, Route route, Attack attack) {
        test(route + ", " + name, () -> {
            try (Established pair = new Established(route)) {
                attack.run(pair, data(SHORT));
            } catch (IllegalStateException problem) {
                if (problem.getMessage().startsWith("SEC_E_QOP_NOT_SUPPORTED ")) {
                    return;
                }
                throw problem;
            }
            throw new IllegalStateException("it was accepted");
        });
    }

    private static void testRoute(Route route) {
        boolean onlySealed = ONLY_SEALED && !(route.jgssConnects && route.jgssAccepts);
        List<Kind> kinds = onlySealed ? List.of(Kind.SEALED, Kind.SIGNED) : List.of(Kind.values());
        if (onlySealed) {
            testQuality("INTEGRITY_ONLY, unsupported", route, (pair, data) -> exchange(pair, Kind.INTEGRITY_ONLY, SHORT));
        } else if (!route.jgssReceives()) {
            testQuality("INTEGRITY_ONLY, instead of SEALED", route,
                    (pair, data) -> pair.receiver.unwrap(pair.sender.wrap(data, false), true));
        }
        for (Kind kind : kinds) {
            testFirst(route, kind, 0);
            testFirst(route, kind, SHORT);
        }
        testSizes(route, kinds);
        for (Kind kind : kinds) {
            testRefusals(route, kind);
        }
    }

    // ---- the program ----------------------------------------------------------------------------------------------

    /** Where the initiator finds tickets, and the acceptor its keys. */
    private static void configure(String keytab, String tickets) {
        Map<String, ?> initiator = Map.of("useTicketCache", "true", "ticketCache", tickets, "doNotPrompt", "true");
        Map<String, ?> acceptor = Map.of("useKeyTab", "true", "keyTab", keytab, "storeKey", "true", "isInitiator", "false",
                "doNotPrompt", "true", "principal", SERVICE + "@SSPAN.TEST");
        Configuration.setConfiguration(new Configuration() {
            @Override
            public AppConfigurationEntry[] getAppConfigurationEntry(String name) {
                return new AppConfigurationEntry[] {new AppConfigurationEntry("com.sun.security.auth.module.Krb5LoginModule",
                        LoginModuleControlFlag.REQUIRED, name.endsWith("initiate") ? initiator : acceptor)};
            }
        });
    }

    public static void main(String[] arguments) throws Exception {
        port = Integer.parseInt(arguments[0]);
        configure(arguments[1], arguments[2]);
        boolean[] both = {true, false};
        for (boolean clientSends : both) {
            testRoute(new Route(true, true, clientSends));
        }
        if (failed != 0) {
            System.out.println("JGSS cannot talk to itself");
            System.exit(1);
        }
        passed = 0; // what follows tests sspan
        for (boolean jgssConnects : both) {
            for (boolean clientSends : both) {
                testRoute(new Route(jgssConnects, !jgssConnects, clientSends));
            }
        }
        Sspan.end();
        System.out.println(passed + " passed, " + failed + " failed");
    }
}
