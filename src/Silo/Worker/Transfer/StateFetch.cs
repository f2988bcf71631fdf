using System.Net.Sockets;
using Spikeformer.Collectives.Plan;

namespace Spikeformer.Silo.Worker.Transfer;

/// <summary>A member that may lend its state.</summary>
/// <param name="Worker">Its worker's name.</param>
/// <param name="Connect">Opens a connection to it, for a transfer.</param>
internal sealed record Donor(string Worker, Func<Socket> Connect);

/// <summary>
/// Fetches a state from several members at once: a thread for each asks for one slice after the other, so that a fast one brings more. Members hold
/// the same bits after the same step only, so all are asked for the copy of one step: that which was begun already, one that is lent to somebody
/// else, or one that they will make at a step that lies ahead.
/// </summary>
/// <param name="slices">What is here already, and what comes.</param>
/// <param name="donors">The members, by different names.</param>
internal sealed class StateFetch(SliceCollection slices, IReadOnlyList<Donor> donors) : IDisposable
{
    /// <summary>More members than these are not asked, since each makes a copy of its state.</summary>
    public const int MostDonors = 4;

    private readonly object _gate = new();
    private readonly List<Socket> _sockets = [];
    private readonly List<string> _lost = [];
    private long? _step;
    private long _lead;
    private int _active;
    private bool _isOver, _isClosed, _hasAnswer, _hasLostOffer;

    /// <summary>What came damaged.</summary>
    public Rejections Rejections { get; } = new();

    /// <summary>Members that could not be reached, or whose connection ended, up to the end of <see cref="Run"/>.</summary>
    public IReadOnlyList<string> Lost => _lost;

    /// <summary>Whether <see cref="Run"/> ended because nobody lends that state any more: it may begin anew.</summary>
    public bool IsGone { get; private set; }

    /// <summary>Fetches a state; once.</summary>
    /// <param name="step">Its committed steps; null goes on with the one that was begun, or else leaves it to the first member that answers.</param>
    /// <param name="lead">How many steps ahead a copy is asked for that nobody lends yet: the members must hear of it before they are there.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The state, or null when no member could bring it; what has come stays in the collection. The connections stay open until
    /// <see cref="Dispose"/>, so that the members keep the vectors of the steps since.</returns>
    public StateCopy? Run(long? step, long lead, CancellationToken cancellation)
    {
        if (step is not null && slices.Step != step) slices.Restart();
        slices.LoseAll();
        (_step, _lead, _active) = (slices.Step ?? step, lead, donors.Count);
        using CancellationTokenRegistration ending = cancellation.Register(Dispose);
        foreach (Donor donor in donors) new Thread(() => Serve(donor)) { Name = "fetch", IsBackground = true }.Start();
        lock (_gate)
        {
            while (_active > 0 && !slices.IsComplete && !_isOver) Monitor.Wait(_gate);
            IsGone = _active == 0 && _hasAnswer && !_hasLostOffer && !slices.IsComplete;
            // Threads that still wait for their member have no part in it any more.
            _isOver = true;
            Monitor.PulseAll(_gate);
        }
        if (IsGone) slices.Restart();
        return slices.IsComplete ? slices.Take() : null;
    }

    /// <summary>Closes all connections.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = _isClosed = true;
            foreach (Socket socket in _sockets) socket.Dispose();
            _sockets.Clear();
            Monitor.PulseAll(_gate);
        }
    }

    private void Serve(Donor donor)
    {
        Socket? socket = null;
        bool hasOffered = false, isLost = true;
        try
        {
            socket = Connect(donor);
            using NetworkStream stream = StateWire.Open(socket);
            long step = Step(stream);
            StateWire.Ask(stream, new(StateWire.Kind.Copy, step));
            hasOffered = StateWire.ReadTable(stream) is { } table && Offer(donor, table);
            while (hasOffered && Next(donor) is { } slice)
            {
                StateWire.Ask(stream, new(StateWire.Kind.Slice, step, slice.Hash));
                Take(donor, slice.Hash, StateWire.ReadSlice(stream, slice.Bytes));
            }
            isLost = false;
        }
        catch (Exception error) when (error is IOException or InvalidDataException or SocketException or ObjectDisposedException or PeerLostException
            or OperationCanceledException)
        {
            if (error is InvalidDataException) Refuse(donor, error.Message);
            socket?.Dispose();
        }
        lock (_gate)
        {
            if (_isOver) return;
            _active--;
            if (isLost)
            {
                slices.Lose(donor.Worker);
                _lost.Add(donor.Worker);
            }
            _hasAnswer |= !isLost;
            _hasLostOffer |= isLost && hasOffered;
            Monitor.PulseAll(_gate);
        }
    }

    private Socket Connect(Donor donor)
    {
        Socket socket = donor.Connect();
        lock (_gate)
        {
            if (_isClosed) socket.Dispose();
            else _sockets.Add(socket);
        }
        return socket;
    }

    /// <summary>Of which step a copy is asked for. Whoever answers first decides for all.</summary>
    private long Step(NetworkStream stream)
    {
        lock (_gate)
            if (_step is { } known) return known;
        StateWire.Ask(stream, new(StateWire.Kind.Position));
        Position position = StateWire.ReadPosition(stream);
        lock (_gate) return _step ??= position.Lent ?? position.Committed + _lead;
    }

    private bool Offer(Donor donor, SliceTable table)
    {
        lock (_gate)
        {
            if (_isOver) return false;
            bool isWanted = slices.Offer(donor.Worker, table);
            Monitor.PulseAll(_gate);
            return isWanted;
        }
    }

    /// <summary>The next slice for a member to bring. When all are asked for, it waits: others may be lost.</summary>
    private (UInt128 Hash, long Bytes)? Next(Donor donor)
    {
        lock (_gate)
            while (true)
            {
                if (_isOver || !slices.MayHelp(donor.Worker)) return null;
                if (slices.Next(donor.Worker) is { } slice) return slice;
                Monitor.Wait(_gate);
            }
    }

    private void Take(Donor donor, UInt128 hash, byte[]? bytes)
    {
        lock (_gate)
        {
            if (_isOver) return;
            if (bytes is null) slices.Miss(donor.Worker, hash);
            else if (!slices.Add(donor.Worker, hash, bytes)) Refuse(donor, "a slice came with other bytes than its name says");
            Monitor.PulseAll(_gate);
        }
    }

    private void Refuse(Donor donor, string problem)
    {
        Rejections.Count(RejectionCause.DamagedPayload);
        Console.Error.WriteLine($"What {donor.Worker} sent is refused: {problem}");
    }
}
