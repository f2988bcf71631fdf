using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Spikeformer.Numerics;

namespace Spikeformer.Benchmarks;

/// <summary>The machine's best possible transfer rates, measured with minimal code.</summary>
internal static unsafe class TransferFloors
{
    /// <summary>Bytes per second between memory and all cores: a += b on two threads, with two reads and one write.</summary>
    public static double MemoryTraffic()
    {
        const long Bytes = 160_000_000;
        return Bytes * 3 * 2 / Least(() => Both(() =>
        {
            byte* a = (byte*)NativeMemory.AllocZeroed((nuint)Bytes), b = (byte*)NativeMemory.AllocZeroed((nuint)Bytes);
            new Span<byte>(a, (int)Bytes).Fill(0);
            new Span<byte>(b, (int)Bytes).Fill(0);
            return (Add, Free);

            void Add() => VectorMath.Add((float*)a, (float*)b, (float*)a, Bytes / sizeof(float));

            void Free()
            {
                NativeMemory.Free(a);
                NativeMemory.Free(b);
            }
        }));
    }

    /// <summary>Bytes per second in each direction of a loopback connection that is used in both directions at once, with cubic congestion
    /// control.</summary>
    public static double SocketsBothWays()
    {
        const int Total = 400 << 20, Block = 256 << 10;
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var near = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        near.Connect(listener.LocalEndPoint!);
        using Socket far = listener.Accept();
        var ends = new Queue<Socket>([near, far]);
        foreach (Socket socket in ends)
        {
            socket.NoDelay = true;
            _ = Collectives.Connections.SocketSettings.ApplyCongestionControl(socket, "cubic");
            socket.Blocking = false;
        }
        return Total / Least(() => Both(() =>
        {
            Socket socket = ends.Dequeue();
            ends.Enqueue(socket);
            byte[] outgoing = new byte[Block], incoming = new byte[Block];
            return (Exchange, () => { });

            void Exchange()
            {
                long sent = 0, received = 0;
                while (sent < Total || received < Total)
                {
                    long before = sent + received;
                    if (sent < Total) sent += Math.Max(0, socket.Send(outgoing.AsSpan(0, (int)Math.Min(Block, Total - sent)), SocketFlags.None, out _));
                    if (received < Total) received += Math.Max(0, socket.Receive(incoming, SocketFlags.None, out _));
                    if (sent + received == before) socket.Poll(1000, SelectMode.SelectRead);
                }
            }
        }));
    }

    private static double Least(Func<double> measure) => Enumerable.Range(0, 3).Select(_ => measure()).Min();

    /// <summary>Seconds that two threads take for the same work at the same time, without their preparation.</summary>
    private static double Both(Func<(Action Work, Action CleanUp)> prepare)
    {
        using var start = new Barrier(3);
        Thread[] threads = [.. Enumerable.Range(0, 2).Select(_ => prepare()).Select(part => new Thread(() =>
        {
            start.SignalAndWait();
            part.Work();
            start.SignalAndWait();
            part.CleanUp();
        }))];
        foreach (Thread thread in threads) thread.Start();
        start.SignalAndWait();
        long began = Stopwatch.GetTimestamp();
        start.SignalAndWait();
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        foreach (Thread thread in threads) thread.Join();
        return seconds;
    }
}
