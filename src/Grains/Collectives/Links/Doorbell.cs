namespace Spikeformer.Collectives.Links;

/// <summary>
/// Wakes members of one host. A member that wants to sleep marks its bell, looks once more for work, and sleeps. A member that has written
/// something looks at the reader's bell and rings only if the reader sleeps. A member that also has peers on other hosts sleeps in poll, where a
/// futex cannot wake it, so it is rung over the control connection.
/// </summary>
internal sealed unsafe class Doorbell(SharedMemorySegment segment, int ownMember)
{
    private const int Awake = 0, InFutex = 1, InPoll = 2;

    /// <summary>Marks this member as about to sleep.</summary>
    public void Arm(bool inPoll)
    {
        Volatile.Write(ref *segment.Bell(ownMember), inPoll ? InPoll : InFutex);
        Interlocked.MemoryBarrier(); // before the caller looks at the rings once more
    }

    public void Disarm() => Volatile.Write(ref *segment.Bell(ownMember), Awake);

    /// <summary>Sleeps until rung. Call <see cref="Arm"/> first.</summary>
    public void Sleep(TimeSpan limit) => Native.SleepWhile(segment.Bell(ownMember), InFutex, limit);

    /// <summary>Wakes a member if it sleeps. Call it after writing something for that member.</summary>
    /// <param name="member">The member to wake.</param>
    /// <param name="ringByMessage">Sends the message that wakes it from poll.</param>
    public void Ring(int member, Action ringByMessage)
    {
        Interlocked.MemoryBarrier(); // after the caller's writes
        int* bell = segment.Bell(member);
        if (Volatile.Read(ref *bell) == Awake) return;
        int slept = Interlocked.Exchange(ref *bell, Awake);
        if (slept == InFutex) Native.Wake(bell);
        else if (slept == InPoll) ringByMessage();
    }
}
