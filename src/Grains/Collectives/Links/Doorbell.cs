namespace Spikeformer.Collectives.Links;

/// <summary>
/// How members of one host wake each other. Whoever goes to sleep says so on its bell, looks once more whether there is anything to do, and
/// sleeps; whoever has written something looks at the bell and rings only if there is a sleeper. A member that also has peers on other hosts
/// sleeps in poll, where a futex cannot wake it: it is rung over the control connection.
/// </summary>
internal sealed unsafe class Doorbell(SharedMemorySegment segment, int ownMember)
{
    private const int Awake = 0, InFutex = 1, InPoll = 2;

    /// <summary>Says that this member is about to sleep.</summary>
    public void Arm(bool inPoll)
    {
        Volatile.Write(ref *segment.Bell(ownMember), inPoll ? InPoll : InFutex);
        Interlocked.MemoryBarrier(); // before the look at the rings
    }

    public void Disarm() => Volatile.Write(ref *segment.Bell(ownMember), Awake);

    /// <summary>Sleeps until rung, after <see cref="Arm"/>.</summary>
    public void Sleep(TimeSpan limit) => Native.SleepWhile(segment.Bell(ownMember), InFutex, limit);

    /// <summary>Wakes a member if it sleeps, after something was written for it.</summary>
    /// <param name="member">Whom.</param>
    /// <param name="ringByMessage">Sends the message that wakes a poll.</param>
    public void Ring(int member, Action ringByMessage)
    {
        Interlocked.MemoryBarrier(); // after what was written
        int* bell = segment.Bell(member);
        if (Volatile.Read(ref *bell) == Awake) return;
        int slept = Interlocked.Exchange(ref *bell, Awake);
        if (slept == InFutex) Native.Wake(bell);
        else if (slept == InPoll) ringByMessage();
    }
}
