using Spikeformer.Collectives;
using Spikeformer.Collectives.Plan;
using Spikeformer.Network;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Grains.Tests.Collectives;

public sealed class ExchangeTests
{
    [Fact]
    public void Every_rank_gets_the_payloads_of_all_nodes_in_tree_order()
    {
        using var ranks = new Ranks(8, [3, 4, 8]);
        string[] found = ranks.Run(group =>
        {
            NodePayloads all = group.ExchangeNodes(1, 2, 2, [.. group.OwnNodes.SelectMany(c => (byte[])[(byte)c.Node.Level, (byte)c.Node.Index])]);
            return string.Join(' ', Enumerable.Range(0, all.Count).Select(i => $"{all.Node(i).Level}:{all.Node(i).Index}={all[i][0]}:{all[i][1]}"));
        });
        Assert.All(found, text => Assert.Equal("1:0=1:0 0:2=0:2 0:3=0:3 2:1=2:1", text));
    }

    [Fact]
    public void Payloads_longer_than_a_frame_arrive_whole()
    {
        using var ranks = new Ranks(3, [1, 2, 3]);
        byte[] payload = [.. Enumerable.Range(0, 700_001).Select(i => (byte)(i * 7 % 251))];
        bool[] same = ranks.Run(group =>
        {
            NodePayloads all = group.ExchangeNodes(1, 2, payload.Length, payload);
            return Enumerable.Range(0, 3).All(i => all[i].SequenceEqual(payload));
        });
        Assert.All(same, Assert.True);
    }

    public static TheoryData<int, string> Groups
    {
        get
        {
            var data = new TheoryData<int, string>();
            for (int ranks = 1; ranks <= 5; ranks++)
                foreach (string filled in (string[])["11111111", "11011110", "01100011", "10000000", "00000110"]) data.Add(ranks, filled);
            return data;
        }
    }

    /// <param name="filled">A digit per shard: 1 if it has samples.</param>
    [Theory]
    [MemberData(nameof(Groups))]
    public void Coupled_statistics_have_the_bits_of_one_process(int ranks, string filled)
    {
        BatchNormLayer[] layers = [new(0, 3, 0), new(1, 5, 3), new(2, 2, 8)];
        int[] all = [.. Enumerable.Range(0, 8).Where(v => filled[v] == '1')];
        var local = new LocalBatchNormCoupling(8, all);
        string expected = Pass(local, layers, all);
        using var group = new Ranks(8, Ranks.Even(8, ranks));
        string?[] found = group.Run(member =>
        {
            int[] own = [.. all.Where(v => v >= member.Plan.Own.FirstShard && v < member.Plan.Own.EndShard)];
            var coupling = new GroupBatchNormCoupling(member, 7, own);
            if (own.Length > 0) return Pass(coupling, layers, own);
            coupling.Follow(layers, leader: Enumerable.Range(0, ranks).First(rank => all[0] < member.Plan.Members[rank].EndShard));
            return null;
        });
        Assert.All(found, text => Assert.Equal(text is null ? null : expected, text));
        Assert.Contains(found, text => text is not null);
    }

    [Fact]
    public void A_leader_in_an_unknown_exchange_ends_the_group()
    {
        using var ranks = new Ranks(2, [1, 2]);
        ranks.Run(group =>
        {
            if (group.Plan.OwnRank == 0) Assert.Throws<PeerLostException>(() => group.ExchangeNodes(7, 77, 8, new byte[8]));
            else Assert.Equal([0], Assert.Throws<PeerLostException>(() => new GroupBatchNormCoupling(group, 7, []).Follow([new(0, 3, 0)], 0)).PeerLoss.Suspects);
            return 0;
        });
    }

    [Fact]
    public void A_leader_in_another_step_is_refused()
    {
        using var ranks = new Ranks(2, [1, 2]);
        ranks.Run(group =>
        {
            if (group.Plan.OwnRank == 0) Assert.Throws<PeerLostException>(() => group.ExchangeNodes(6, 0, 8, new byte[8]));
            else
            {
                Assert.Throws<PeerLostException>(() => new GroupBatchNormCoupling(group, 7, []).Follow([new(0, 3, 0)], 0));
                Assert.Equal(1, group.Rejections[RejectionCause.WrongStep]);
            }
            return 0;
        });
    }

    /// <summary>All merges of a step: the layers forward in an order of their own, then backward.</summary>
    private static string Pass(IBatchNormCoupling coupling, BatchNormLayer[] layers, int[] shards)
    {
        var text = new List<string>();
        foreach (int i in (int[])[0, 2, 1])
        {
            BatchMoments merged = coupling.Merge(layers[i], [.. shards.Select(v => new BatchMoments(3 + v, Values(layers[i], v, 1), Values(layers[i], v, 2)))]);
            text.Add($"{merged.Count:R}: {Bits(merged.Mean)} {Bits(merged.SquaredDeviations)}");
        }
        foreach (int i in (int[])[1, 2, 0])
        {
            GradientSums merged = coupling.Merge(layers[i], [.. shards.Select(v => new GradientSums(Values(layers[i], v, 3), Values(layers[i], v, 4)))]);
            text.Add($"{Bits(merged.Plain)} {Bits(merged.Normalised)}");
        }
        return string.Join('\n', text);

        static double[] Values(BatchNormLayer layer, int shard, int kind) =>
            [.. Enumerable.Range(0, layer.Channels).Select(c => c == 1 ? -0.0 : Math.Sin(1000 * layer.Index + 100 * shard + 10 * kind + c) * Math.Pow(2, (shard * 7 + c) % 16))];

        static string Bits(double[] values) => string.Join(',', values.Select(value => BitConverter.DoubleToInt64Bits(value).ToString("x")));
    }
}
