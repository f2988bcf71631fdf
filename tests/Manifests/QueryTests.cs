using Xunit;

namespace Spikeformer.Manifests;

public sealed class QueryTests
{
    [Theory]
    [InlineData("up == 0", "up")]
    [InlineData("sum by (namespace, run) (rate(a_total{run=~\"$run\", x!=\"b\"}[5m])) > bool 2 * c_bytes offset 1h", "a_total", "c_bytes")]
    [InlineData("histogram_quantile(0.5, sum by (le) (rate(d_bucket[1h]))) and on (run) max by (run) (e) unless f or g * on (a) group_left (h) i", "d_bucket", "e", "f", "g", "i")]
    [InlineData("max(a) without (b) / quantile by (c) (0.5, a) > 1e3", "a")]
    public void The_metrics_of_an_expression_are_found(string expression, params string[] metrics) => Assert.Equal(metrics, Query.Metrics(expression));
}
