// SPDX-License-Identifier: MIT
//
// .NET's NegotiateStream, as a server and as a client.
//
//   server LEVEL IMPERSONATION   prints its port, and serves until its input ends
//   client PORT LEVEL TARGET     makes one connection for each case; the last line says how many passed
//   refused PORT LEVEL TARGET    one connection, which the server must refuse; prints the reason
//   greet PORT TARGET TEXT       sends the text, and prints as many bytes of the answer
//
// LEVEL is a ProtectionLevel, IMPERSONATION a TokenImpersonationLevel. A client sends a number of four bytes,
// little-endian, and so many bytes; the server sends the bytes back. Two numbers have a meaning: with 0 the server closes
// the connection, with 0xFFFFFFFF it sends a number and so many bytes, which are the client's name.
using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Principal;
using System.Text;

const uint Close = 0, Name = 0xFFFFFFFF;
const int Patience = 60_000; // milliseconds

switch (args)
{
    case ["server", var level, var impersonation]:
        return Serve(Enum.Parse<ProtectionLevel>(level), Enum.Parse<TokenImpersonationLevel>(impersonation));
    case ["client", var port, var level, var target]:
        return RunCases(int.Parse(port), Enum.Parse<ProtectionLevel>(level), target);
    case ["refused", var port, var level, var target]:
        try
        {
            using var stream = Connect(int.Parse(port), Enum.Parse<ProtectionLevel>(level), target);
            Console.WriteLine("accepted");
            return 1;
        }
        catch (AuthenticationException reason)
        {
            Console.WriteLine(reason.Message);
            return 0;
        }
    case ["greet", var port, var target, var text]:
        using (var stream = Connect(int.Parse(port), ProtectionLevel.EncryptAndSign, target))
        {
            stream.Write(Encoding.UTF8.GetBytes(text));
            var answer = new byte[Encoding.UTF8.GetByteCount(text)];
            stream.ReadExactly(answer);
            Console.WriteLine(Encoding.UTF8.GetString(answer));
            return 0;
        }
    default:
        return 2;
}

static int Serve(ProtectionLevel level, TokenImpersonationLevel impersonation)
{
    using var listener = new TcpListener(IPAddress.Loopback, 0);
    listener.Start();
    Console.WriteLine(((IPEndPoint)listener.LocalEndpoint).Port);
    Console.Out.Flush();
    _ = Task.Run(() =>
    {
        for (;;)
        {
            var client = listener.AcceptTcpClient();
            _ = Task.Run(() =>
            {
                try
                {
                    Answer(client, level, impersonation);
                }
                catch (Exception e) when (e is IOException or AuthenticationException)
                {
                    Console.Error.WriteLine(e.Message);
                }
            });
        }
    });
    while (Console.In.Read() != -1) { }
    return 0;
}

static void Answer(TcpClient client, ProtectionLevel level, TokenImpersonationLevel impersonation)
{
    client.ReceiveTimeout = client.SendTimeout = Patience;
    using var stream = new NegotiateStream(client.GetStream());
    stream.AuthenticateAsServer(CredentialCache.DefaultNetworkCredentials, level, impersonation);
    var number = new byte[4];
    while (stream.ReadAtLeast(number, 4, throwOnEndOfStream: false) == 4)
    {
        var size = BinaryPrimitives.ReadUInt32LittleEndian(number);
        if (size == Close)
        {
            return;
        }
        if (size == Name)
        {
            var name = Encoding.UTF8.GetBytes(stream.RemoteIdentity.Name ?? "");
            stream.Write(BitConverter.GetBytes(name.Length));
            stream.Write(name);
            continue;
        }
        var data = new byte[size];
        stream.ReadExactly(data);
        stream.Write(data);
    }
}

static NegotiateStream Connect(int port, ProtectionLevel level, string target)
{
    var client = new TcpClient("127.0.0.1", port) { ReceiveTimeout = Patience, SendTimeout = Patience, NoDelay = true };
    var stream = new NegotiateStream(client.GetStream(), leaveInnerStreamOpen: false);
    try
    {
        stream.AuthenticateAsClient(CredentialCache.DefaultNetworkCredentials, target, level,
                                    TokenImpersonationLevel.Identification);
        return stream;
    }
    catch
    {
        stream.Dispose();
        client.Dispose();
        throw;
    }
}

static byte[] Pattern(int size)
{
    var data = new byte[size];
    for (var i = 0; i != size; ++i)
    {
        data[i] = (byte)(i * 7 + i / 256);
    }
    return data;
}

static bool IsEchoed(NegotiateStream stream, byte[] data, int piece)
{
    stream.Write(BitConverter.GetBytes(data.Length));
    var sending = Task.Run(() =>
    {
        for (var sent = 0; sent != data.Length;)
        {
            var size = Math.Min(piece, data.Length - sent);
            stream.Write(data, sent, size);
            sent += size;
        }
    });
    var echo = new byte[data.Length];
    stream.ReadExactly(echo);
    sending.Wait();
    return echo.AsSpan().SequenceEqual(data);
}

static int RunCases(int port, ProtectionLevel level, string target)
{
    int passed = 0, failed = 0;
    void Case(string name, Func<NegotiateStream, bool> holds)
    {
        try
        {
            using var stream = Connect(port, level, target);
            if (stream.IsMutuallyAuthenticated && stream.IsSigned && holds(stream))
            {
                ++passed;
                return;
            }
            Console.WriteLine($"{name}: it does not hold");
        }
        catch (Exception e)
        {
            Console.WriteLine($"{name}: {e}");
        }
        ++failed;
    }

    if (level == ProtectionLevel.EncryptAndSign)
    {
        Case("is encrypted", stream => stream.IsEncrypted);
    }
    foreach (var size in new[] { 1, 2, 15, 16, 4096, 0xFBFF, 0xFC00, 0xFC01, 200_000, 10 << 20 })
    {
        Case($"{size} bytes", stream => IsEchoed(stream, Pattern(size), size));
    }
    Case("many small writes", stream => IsEchoed(stream, Pattern(3000), 1));
    Case("many messages on one connection", stream =>
    {
        for (var size = 1; size != 200; ++size)
        {
            if (!IsEchoed(stream, Pattern(size), size))
            {
                return false;
            }
        }
        return true;
    });
    Case("the server closes first", stream =>
    {
        stream.Write(BitConverter.GetBytes(Close));
        return stream.ReadByte() == -1;
    });
    Console.WriteLine($"{passed} passed, {failed} failed");
    return failed == 0 ? 0 : 1;
}
