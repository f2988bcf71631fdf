using Spikeformer.Autograd;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Autograd;

public sealed class AutogradNodeTests
{
    [Fact]
    public void Gradients_of_a_product_node_are_those_of_libtorch()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        Tensor a = randn([5, 3], generator: generator).requires_grad_(true), b = randn([5, 3], generator: generator).requires_grad_(true);
        Tensor upstream = randn([5, 3], generator: generator);

        Tensor y = Product.Of(a, b);
        Differentiation.Backward([y], [upstream]);

        AssertEqual(a * b, y);
        AssertEqual(upstream * b, a.grad!);
        AssertEqual(upstream * a, b.grad!);
    }

    [Fact]
    public void Without_gradients_the_node_releases_what_it_kept_at_once()
    {
        using var scope = NewDisposeScope();
        int released = Product.Released;
        using (no_grad()) Product.Of(ones(2).requires_grad_(true), ones(2));
        Assert.Equal(released + 1, Product.Released);
    }

    [Fact]
    public void A_graph_dropped_without_backward_releases_its_nodes()
    {
        int released = Product.Released;
        using (NewDisposeScope()) Product.Of(ones(2).requires_grad_(true), ones(2));
        Assert.Equal(released + 1, Product.Released);
    }

    [Fact]
    public void An_exception_in_backward_reaches_the_caller_and_leaves_every_gradient_undefined()
    {
        using var scope = NewDisposeScope();
        Tensor a = ones(4).requires_grad_(true), weight = ones([4, 4]).requires_grad_(true);
        Tensor hidden = Product.Of(nn.functional.linear(a, weight), ones(4));
        Tensor y = Throwing.Of(hidden).sum();

        var thrown = Assert.Throws<InvalidOperationException>(() => Differentiation.Backward([y]));

        Assert.Equal("backward failed", thrown.Message);
        Assert.Null(a.grad);
        Assert.Null(weight.grad);
        // The thread can differentiate again.
        Tensor z = Product.Of(a, ones(4)).sum();
        Differentiation.Backward([z]);
        AssertEqual(ones(4), a.grad!);
    }

    [Fact]
    public void Nodes_survive_a_neighbour_thread_that_collects_garbage_all_the_time()
    {
        // SPIKEFORMER_STRESS_SECONDS=600 is the long form, run by hand.
        TimeSpan duration = TimeSpan.FromSeconds(int.TryParse(Environment.GetEnvironmentVariable("SPIKEFORMER_STRESS_SECONDS"), out int s) ? s : 6);
        using var stop = new CancellationTokenSource();
        var neighbour = new Thread(() =>
        {
            var kept = new byte[64][];
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                kept[i & 63] = new byte[i % 4096 + 100];
                if (i % 5000 == 0) { GC.Collect(0); GC.WaitForPendingFinalizers(); }
            }
        });
        neighbour.Start();
        try
        {
            // TorchSharp's own scalar arguments are not safe here (they can be finalised during the call): only tensors in the loop.
            using Tensor start = full(16, 2.0), b = full(16, 0.5), upstream = full(16, 1048576.0);
            long nodes = 0;
            var clock = System.Diagnostics.Stopwatch.StartNew();
            while (clock.Elapsed < duration)
            {
                using var scope = NewDisposeScope();
                Tensor a = start.clone().requires_grad_(true);
                Tensor y = a;
                for (int i = 0; i < 20; i++) y = Product.Of(y, b);
                Differentiation.Backward([y], [upstream]);
                nodes += 20;
                Assert.Equal(1f, a.grad![7].item<float>()); // 2^20 * 0.5^20
            }
            Assert.True(nodes > 1000, $"only {nodes} nodes ran");
        }
        finally
        {
            stop.Cancel();
            neighbour.Join();
        }
    }

    [Fact]
    public void Live_tensors_do_not_grow_with_the_number_of_passes()
    {
        long after10 = 0;
        for (int pass = 1; pass <= 200; pass++)
        {
            using (NewDisposeScope())
            {
                Tensor a = ones(16).requires_grad_(true);
                Tensor y = Product.Of(Product.Of(a, a), a).sum();
                Differentiation.Backward([y]);
                Assert.Equal(3f, a.grad![0].item<float>());
            }
            if (pass == 10) after10 = LiveTensors();
        }
        Assert.Equal(after10, LiveTensors());

        static long LiveTensors() => DisposeScopeManager.Statistics.ThreadTotalLiveCount;
    }

    private static void AssertEqual(Tensor expected, Tensor actual) =>
        Assert.Equal(expected.data<float>().ToArray(), actual.data<float>().ToArray());

    private sealed class Product : AutogradNode
    {
        public static int Released;
        private readonly Tensor _a, _b;

        private Product(Tensor a, Tensor b) => (_a, _b) = (a.detach().DetachFromDisposeScope(), b.detach().DetachFromDisposeScope());

        public static Tensor Of(Tensor a, Tensor b)
        {
            var node = new Product(a, b);
            Tensor product;
            using (no_grad()) product = a * b;
            return node.Connect([a, b], [product])[0];
        }

        protected override void Backward(ReadOnlySpan<Tensor?> outputGradients, Span<Tensor?> inputGradients)
        {
            inputGradients[0] = outputGradients[0]! * _b;
            inputGradients[1] = outputGradients[0]! * _a;
        }

        protected override void Release()
        {
            Released++;
            _a.Dispose();
            _b.Dispose();
        }
    }

    private sealed class Throwing : AutogradNode
    {
        public static Tensor Of(Tensor x)
        {
            Tensor y;
            using (no_grad()) y = x.clone();
            return new Throwing().Connect([x], [y])[0];
        }

        protected override void Backward(ReadOnlySpan<Tensor?> outputGradients, Span<Tensor?> inputGradients) =>
            throw new InvalidOperationException("backward failed");

        protected override void Release() { }
    }
}
