using Spikeformer.Collectives;
using Spikeformer.Numerics;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>Faults that a test's fail points cause in a step.</summary>
internal static class StepFaults
{
    /// <summary>Cuts the connections, as a network fault would, at the one moment when other members may be a step ahead.</summary>
    public static void CutConnections(Group group) => throw group.Abort("A test cut the connections");

    /// <summary>Flips a bit of a weight, as a cosmic ray would.</summary>
    public static unsafe void FlipBit(TrainingState state) => *(int*)TensorMemory.Pointer(state.Parameters.Values) ^= 1 << 12;
}
