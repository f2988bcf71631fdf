using System.Net.Sockets;

namespace Spikeformer.Silo.Worker.Transfer;

/// <summary>A member that may lend its state.</summary>
/// <param name="Worker">The name of its worker.</param>
/// <param name="Connect">Opens a connection to it for a transfer.</param>
internal sealed record Donor(string Worker, Func<Socket> Connect);

/// <summary>Fetches a state from several members at once. One thread per member asks for one slice after the other, so that a fast member brings more.
/// Members hold the same bits only after the same step, so all are asked for a copy of one step: the step of the slices that have arrived, of a copy that is
/// lent to another borrower, or one shortly ahead.</summary>
internal sealed class StateFetch(SliceCollection slices, IReadOnlyList<Donor> donors) : IDisposable
{
    /// <summary>The most members to ask, since each of them makes a copy of its state.</summary>
    public const int MostDonors = 4;

    private readonly object _gate = new();
    private readonly List<Socket> _sockets = [];
    private readonly List<string> _lost = [];
    private long? _step;
    private long _stepsAhead;
    private int _active;
    private bool _isOver, _isClosed, _hasAnswer, _hasLostOffer;

    public Rejections Rejections { get; } = new();

    /// <summary>Members that could not be connected, or were lost before the end of <see cref="Run"/>.</summary>
    public IReadOnlyList<string> Lost => _lost;

    /// <summary>Whether <see cref="Run"/> ended because no member lends that state any more. Another fetch starts with another state.</summary>
    public bool IsGone { get; private set; }

    /// <summary>Fetches a state. Can be called once.</summary>
    /// <param name="step">Its committed steps; null continues with the state under collection, or else lets the first member that answers decide.</param>
    /// <param name="stepsAhead">Steps between a member's position and a copy that no member lends yet: members must hear of it before they reach it.</param>
    /// <param name="cancellation">Ends the fetch.</param>
    /// <returns>The state, or null when no member could bring it; the slices that have arrived stay in the collection. The connections stay open
    /// until <see cref="Dispose"/>, so that the members keep the vectors of the steps since then.</returns>
    public StateCopy? Run(long? step, long stepsAhead, CancellationToken cancellation)
    {
        if (step is not null && slices.Step != step) slices.Restart();
        slices.DropDonors();
        (_step, _stepsAhead, _active) = (slices.Step ?? step, stepsAhead, donors.Count);
        using CancellationTokenRegistration ending = cancellation.Register(Dispose);
        foreach (Donor donor in donors) new Thread(() => FetchFrom(donor)) { Name = "fetch", IsBackground = true }.Start();
        lock (_gate)
        {
            while (_active > 0 && !slices.IsComplete && !_isOver) Monitor.Wait(_gate);
            IsGone = _active == 0 && _hasAnswer && !_hasLostOffer && !slices.IsComplete;
            // Threads that still wait for their member have nothing left to do.
            _isOver = true;
            Monitor.PulseAll(_gate);
        }
        if (IsGone) slices.Restart();
        return slices.IsComplete ? slices.Take() : null;
    }

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

    private void FetchFrom(Donor donor)
    {
        Socket? socket = null;
        bool hasOffered = false, isLost = true;
        try
        {
            socket = Connect(donor);
            using NetworkStream stream = StateWire.Open(socket);
            long step = ChooseStep(stream);
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
                slices.DropDonor(donor.Worker);
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

    /// <summary>The step whose copy to ask for. The first member that answers decides for all.</summary>
    private long ChooseStep(NetworkStream stream)
    {
        lock (_gate)
            if (_step is { } known) return known;
        StateWire.Ask(stream, new(StateWire.Kind.Position));
        Position position = StateWire.ReadPosition(stream);
        lock (_gate) return _step ??= position.Lent ?? position.Committed + _stepsAhead;
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

    /// <summary>The next slice to ask a member for. When all slices have been asked for, waits: other members may be lost.</summary>
    private (UInt128 Hash, long Bytes)? Next(Donor donor)
    {
        lock (_gate)
            while (true)
            {
                if (_isOver || !slices.CanHelp(donor.Worker)) return null;
                if (slices.Next(donor.Worker) is { } slice) return slice;
                Monitor.Wait(_gate);
            }
    }

    private void Take(Donor donor, UInt128 hash, byte[]? bytes)
    {
        lock (_gate)
        {
            if (_isOver) return;
            if (bytes is null) slices.MarkMissing(donor.Worker, hash);
            else if (!slices.Add(donor.Worker, hash, bytes)) Refuse(donor, "Received a slice with wrong bytes");
            Monitor.PulseAll(_gate);
        }
    }

    private void Refuse(Donor donor, string problem)
    {
        Rejections.Count(RejectionCause.DamagedPayload);
        Console.Error.WriteLine($"Refused data from {donor.Worker}: {problem}");
    }
}
