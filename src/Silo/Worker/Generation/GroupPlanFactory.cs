using System.IO.Hashing;
using System.Text;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>Makes the data plane's plan of a generation.</summary>
internal static class GroupPlanFactory
{
    /// <summary>Environment variable that forces TCP between members of one host: <c>tcp</c>.</summary>
    public const string TransportVariable = "SPIKEFORMER_TRANSPORT";

    public static GroupPlan Create(GenerationPlan plan, int ownRank) => new()
    {
        RunHash = XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(plan.Run)),
        GenerationNumber = plan.Number,
        GenerationNonce = plan.Nonce,
        Shards = plan.Shards,
        Members = [.. plan.Members.Select(MemberOf)],
        OwnRank = ownRank,
        Secret = plan.Secret,
        Options = new()
        {
            ForceTcp = Environment.GetEnvironmentVariable(TransportVariable) == "tcp",
        },
    };

    private static GroupMember MemberOf(PlanMember member)
    {
        int colon = member.Address.LastIndexOf(':');
        return new(member.Worker, member.Incarnation, member.HostId, member.Address[..colon].Trim('[', ']'), int.Parse(member.Address[(colon + 1)..]),
            member.FirstShard, member.EndShard);
    }
}
